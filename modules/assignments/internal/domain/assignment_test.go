package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
)

func TestNewAssignment(t *testing.T) {
	owner, patient, doctor := uuid.New(), patients.ID{UUID: uuid.New()}, doctors.ID{UUID: uuid.New()}
	now := time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

	made := domain.New(owner, patient, doctor, now)
	t.Run("has the given patient, doctor, owner and time", func(t *testing.T) {
		require.Equal(t, domain.Assignment{
			ID: made.ID, OwnerID: owner, PatientID: patient, DoctorID: doctor, AssignedAt: now,
		}, made)
	})
	t.Run("has a time-ordered id", func(t *testing.T) {
		require.Equal(t, uuid.Version(7), made.ID.Version())
		require.NotEqual(t, made.ID, domain.New(owner, patient, doctor, now).ID)
	})
}
