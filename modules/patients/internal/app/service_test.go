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
	service, who := newEnv(t, db), someone(t, db)

	t.Run("answers what is found afterwards", func(t *testing.T) {
		patient := service.registered(t, who, ananya())
		require.Equal(t, patient, service.found(t, who, patient))
		require.Equal(t, who.UserID, patient.OwnerID)
		require.Equal(t, now, patient.CreatedAt)
	})
	t.Run("refuses a medical record number that another of the user's patients has", func(t *testing.T) {
		_, err := service.Register(t.Context(), who, ananya())
		require.ErrorIs(t, err, patients.ErrMedicalRecordNumberTaken)
		require.Len(t, service.browsed(t, who), 1)
	})
	t.Run("lets another user have a patient of the same number", func(t *testing.T) {
		service.registered(t, someone(t, db), ananya())
	})
	t.Run("stores nothing that breaks a rule", func(t *testing.T) {
		_, err := service.Register(t.Context(), who, domain.Input{})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Len(t, service.browsed(t, who), 1)
	})
	t.Run("refuses a birth date that has begun nowhere yet, by its clock", func(t *testing.T) {
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
	who := someone(t, db)

	t.Run("a revision replaces everything, and counts", func(t *testing.T) {
		service := newEnv(t, db)
		patient := service.registered(t, who, ananya())
		service.clock.Advance(time.Minute)
		revised, err := service.Revise(t.Context(), who, patient.ID, revision.Match{}, domain.Input{Name: "A", Gender: "Other", Age: new(0)})
		require.NoError(t, err)
		require.Equal(t, domain.Details{Name: "A", Gender: "Other"}, revised.Details)
		require.Equal(t, 2, revised.Version)
		require.Equal(t, now.Add(time.Minute), revised.UpdatedAt)
		require.Equal(t, revised, service.found(t, who, patient))
	})
	t.Run("an amendment changes what is said, and counts", func(t *testing.T) {
		service := newEnv(t, db)
		patient := service.registered(t, who, ananya())
		service.clock.Advance(time.Minute)
		amended, err := service.Amend(t.Context(), who, patient.ID, revision.Match{}, domain.Changes{MedicalRecordNumber: new("")})
		require.NoError(t, err)
		patient.Details.MedicalRecordNumber, patient.Version, patient.UpdatedAt = "", 2, now.Add(time.Minute)
		require.Equal(t, patient, amended)
		require.Equal(t, patient, service.found(t, who, patient))
	})
	t.Run("what changes nothing keeps version and time", func(t *testing.T) {
		service := newEnv(t, db)
		patient := service.registered(t, who, domain.Input{Name: "A", Gender: "Other", Age: new(1)})
		service.clock.Advance(time.Minute)
		amended, err := service.Amend(t.Context(), who, patient.ID, revision.Match{}, domain.Changes{Name: new(" A ")})
		require.NoError(t, err)
		require.Equal(t, patient, amended)
		revised, err := service.Revise(t.Context(), who, patient.ID, revision.Match{}, domain.Input{Name: "A", Gender: "OTHER", Age: new(1)})
		require.NoError(t, err)
		require.Equal(t, patient, revised)
		require.Equal(t, patient, service.found(t, who, patient))
	})
	t.Run("what breaks a rule changes nothing", func(t *testing.T) {
		service := newEnv(t, db)
		patient := service.registered(t, who, domain.Input{Name: "A", Gender: "Other", Age: new(1)})
		_, err := service.Amend(t.Context(), who, patient.ID, revision.Match{}, domain.Changes{Name: new("B"), Age: new(-1)})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		_, err = service.Revise(t.Context(), who, patient.ID, revision.Match{}, domain.Input{Name: "B"})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Equal(t, patient, service.found(t, who, patient))
	})
}

// TestStrangers verifies: to anybody else there is no such patient.
func TestStrangers(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, owner, stranger := newEnv(t, db), someone(t, db), someone(t, db)
	patient := service.registered(t, owner, ananya())
	for name, id := range map[string]patients.ID{"another's": patient.ID, "a missing": {UUID: uuid.Must(uuid.NewV7())}} {
		t.Run("a stranger is told there is no such patient as "+name, func(t *testing.T) {
			_, err := service.Find(t.Context(), stranger, id)
			require.Equal(t, patients.ErrNotFound, err)
			_, err = service.Revise(t.Context(), stranger, id, revision.Match{}, ananya())
			require.Equal(t, patients.ErrNotFound, err)
			_, err = service.Revise(t.Context(), stranger, id, revision.Match{}, domain.Input{})
			require.Equal(t, patients.ErrNotFound, err, "before anything is said about the rules")
			_, err = service.Amend(t.Context(), stranger, id, revision.Match{}, domain.Changes{Name: new("")})
			require.Equal(t, patients.ErrNotFound, err)
			require.Equal(t, patients.ErrNotFound, service.Remove(t.Context(), stranger, id, revision.Match{}))
		})
	}
	t.Run("and the patient is as before", func(t *testing.T) {
		require.Empty(t, service.browsed(t, stranger))
		require.Equal(t, []domain.Patient{patient}, service.browsed(t, owner))
	})
}
