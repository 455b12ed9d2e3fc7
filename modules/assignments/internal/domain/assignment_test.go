package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/errs"
)

func TestNewAssignment(t *testing.T) {
	owner, patient, doctor := uuid.New(), patients.ID{UUID: uuid.New()}, doctors.ID{UUID: uuid.New()}
	now := time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

	made := domain.New(owner, patient, doctor, now)
	t.Run("has the given patient, doctor, owner and time", func(t *testing.T) {
		require.Equal(t, domain.Assignment{
			ID: made.ID, OwnerID: owner, PatientID: patient, DoctorID: doctor, AssignedAt: now,
			Access: assignments.None, Version: 1,
		}, made)
	})
	t.Run("has a time-ordered id", func(t *testing.T) {
		require.Equal(t, uuid.Version(7), made.ID.Version())
		require.NotEqual(t, made.ID, domain.New(owner, patient, doctor, now).ID)
	})
}

func TestGrant(t *testing.T) {
	a := domain.New(uuid.New(), patients.ID{UUID: uuid.New()}, doctors.ID{UUID: uuid.New()}, time.Now())
	for i, access := range []assignments.Access{assignments.Read, assignments.Write, assignments.None} {
		t.Run("sets "+string(access)+" with a new version, and again without", func(t *testing.T) {
			for range 2 {
				require.NoError(t, a.Grant(access))
				require.Equal(t, access, a.Access)
				require.Equal(t, 2+i, a.Version)
			}
		})
	}
	t.Run("accepts any letter case", func(t *testing.T) {
		require.NoError(t, a.Grant(" NONE"))
		require.Equal(t, assignments.None, a.Access)
	})
	t.Run("rejects any other access", func(t *testing.T) {
		for _, access := range []assignments.Access{"", "keep", "all"} {
			require.Equal(t, errs.Invalid, errs.KindOf(a.Grant(access)), access)
			require.Equal(t, assignments.None, a.Access)
		}
	})
}
