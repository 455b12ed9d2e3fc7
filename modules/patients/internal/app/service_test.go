package app_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, who := newEnv(t, db), newUser(t, db)

	t.Run("returns the stored patient", func(t *testing.T) {
		patient := service.registered(t, who, ananya())
		require.Equal(t, patient, service.found(t, who, patient))
		require.Equal(t, who.UserID, patient.OwnerID)
		require.Equal(t, now, patient.CreatedAt)
	})
	t.Run("rejects a medical record number that another of the user's patients has", func(t *testing.T) {
		_, err := service.Register(t.Context(), who, ananya())
		require.ErrorIs(t, err, patients.ErrMedicalRecordNumberTaken)
		require.Len(t, service.browsed(t, who), 1)
	})
	t.Run("accepts the same number for another user", func(t *testing.T) {
		service.registered(t, newUser(t, db), ananya())
	})
	t.Run("rejects and does not store invalid input", func(t *testing.T) {
		_, err := service.Register(t.Context(), who, domain.Input{})
		var invalid *errs.Error
		require.ErrorAs(t, err, &invalid)
		require.Contains(t, invalid.Fields, "name")
		require.Len(t, service.browsed(t, who), 1)
	})
	t.Run("rejects a birth date that has not begun anywhere", func(t *testing.T) {
		born := domain.Input{Name: "B", Gender: "Other", BirthDate: "2026-11-24"}
		_, err := service.Register(t.Context(), who, born)
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Equal(t, "2026-11-22", service.Today().String())

		tomorrow := newEnv(t, db)
		tomorrow.clock.Advance(24 * time.Hour)
		require.Equal(t, "2026-11-23", tomorrow.Today().String())
		require.Zero(t, tomorrow.registered(t, who, born).Age(tomorrow.Today()))
	})
}

func TestReviseAndAmend(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	who := newUser(t, db)

	t.Run("a revision replaces everything and increments the version", func(t *testing.T) {
		service := newEnv(t, db)
		patient := service.registered(t, who, ananya())
		service.clock.Advance(time.Minute)
		revised, err := service.Revise(t.Context(), who, patient.ID, revision.Match{},
			domain.Input{Name: "A", Gender: "Other", Age: new(0)})
		require.NoError(t, err)
		require.Equal(t, domain.Details{Name: "A", Gender: "Other"}, revised.Details)
		require.Equal(t, 2, revised.Version)
		require.Equal(t, now.Add(time.Minute), revised.UpdatedAt)
		require.Equal(t, revised, service.found(t, who, patient))
	})
	t.Run("an amendment changes the given fields and increments the version", func(t *testing.T) {
		service := newEnv(t, db)
		patient := service.registered(t, who, ananya())
		service.clock.Advance(time.Minute)
		amended, err := service.Amend(t.Context(), who, patient.ID, revision.Match{},
			domain.Changes{MedicalRecordNumber: new("")})
		require.NoError(t, err)
		patient.Details.MedicalRecordNumber, patient.Version, patient.UpdatedAt = "", 2, now.Add(time.Minute)
		require.Equal(t, patient, amended)
		require.Equal(t, patient, service.found(t, who, patient))
	})
	t.Run("equal values keep version and time", func(t *testing.T) {
		service := newEnv(t, db)
		patient := service.registered(t, who, domain.Input{Name: "A", Gender: "Other", Age: new(1)})
		service.clock.Advance(time.Minute)
		amended, err := service.Amend(t.Context(), who, patient.ID, revision.Match{}, domain.Changes{Name: new(" A ")})
		require.NoError(t, err)
		require.Equal(t, patient, amended)
		revised, err := service.Revise(t.Context(), who, patient.ID, revision.Match{},
			domain.Input{Name: "A", Gender: "OTHER", Age: new(1)})
		require.NoError(t, err)
		require.Equal(t, patient, revised)
		require.Equal(t, patient, service.found(t, who, patient))
	})
	t.Run("invalid values change nothing", func(t *testing.T) {
		service := newEnv(t, db)
		patient := service.registered(t, who, domain.Input{Name: "A", Gender: "Other", Age: new(1)})
		_, err := service.Amend(t.Context(), who, patient.ID, revision.Match{},
			domain.Changes{Name: new("B"), Age: new(-1)})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		_, err = service.Revise(t.Context(), who, patient.ID, revision.Match{}, domain.Input{Name: "B"})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Equal(t, patient, service.found(t, who, patient))
	})
}

// TestOtherUsers verifies: for another user the patient does not exist.
func TestOtherUsers(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, owner, stranger := newEnv(t, db), newUser(t, db), newUser(t, db)
	patient := service.registered(t, owner, ananya())
	for name, id := range map[string]patients.ID{
		"the owner's": patient.ID, "a missing": {UUID: uuid.Must(uuid.NewV7())},
	} {
		t.Run("another user does not find "+name+" patient", func(t *testing.T) {
			_, err := service.Find(t.Context(), stranger, id)
			require.Equal(t, patients.ErrNotFound, err)
			_, err = service.Revise(t.Context(), stranger, id, revision.Match{}, ananya())
			require.Equal(t, patients.ErrNotFound, err)
			_, err = service.Revise(t.Context(), stranger, id, revision.Match{}, domain.Input{})
			require.Equal(t, patients.ErrNotFound, err, "before the input is validated")
			_, err = service.Amend(t.Context(), stranger, id, revision.Match{}, domain.Changes{Name: new("")})
			require.Equal(t, patients.ErrNotFound, err)
			require.Equal(t, patients.ErrNotFound, service.Remove(t.Context(), stranger, id, revision.Match{}))
		})
	}
	t.Run("the patient is unchanged", func(t *testing.T) {
		require.Empty(t, service.browsed(t, stranger))
		require.Equal(t, []domain.Patient{patient}, service.browsed(t, owner))
	})
}
