package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/revision"
)

// assignedPatient returns a patient with an assignment, a row of another module that refers to it, and its owner.
func assignedPatient(t *testing.T, h env) (owner auth.Principal, patient domain.Patient) {
	owner = newUser(t, h.db)
	patient = h.registered(t, owner, ananya())
	doctor := databasetest.NewDoctor(t, h.db)
	require.NoError(t, databasetest.Assign(t.Context(), h.db, owner.UserID, patient.ID.UUID, doctor))
	return owner, patient
}

func assigned(t *testing.T, db *database.DB) (count int) {
	t.Helper()
	require.NoError(t, db.Read(t.Context()).Raw(`SELECT count(*) FROM assignments`).Scan(&count).Error)
	return count
}

func TestRemove(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var received []patients.Deleted
		var failure error
		subscription := events.On("assignments", func(ctx context.Context, e patients.Deleted) error {
			received = append(received, e)
			if err := db.Write(ctx).Exec(`DELETE FROM assignments WHERE patient_id IN ?`, e.IDs).Error; err != nil {
				return err
			}
			return failure
		})
		service := newEnv(t, db, subscription)
		who, patient := assignedPatient(t, service)

		t.Run("rolls back and returns the error when a subscriber fails", func(t *testing.T) {
			failure = errors.New("subscriber failed")
			require.ErrorIs(t, service.Remove(t.Context(), who, patient.ID, revision.Match{}), failure)
			require.Equal(t, patient, service.found(t, who, patient))
			require.Equal(t, 1, assigned(t, db))
		})
		t.Run("fails on the foreign key without a subscriber", func(t *testing.T) {
			err := newEnv(t, db).Remove(t.Context(), who, patient.ID, revision.Match{})
			require.ErrorContains(t, err, "react to patients.Deleted")
			require.Equal(t, patient, service.found(t, who, patient))
			require.Equal(t, 1, assigned(t, db))
		})
		t.Run("publishes nothing if the patient belongs to another user", func(t *testing.T) {
			received = nil
			require.ErrorIs(t, service.Remove(t.Context(), newUser(t, db), patient.ID, revision.Match{}),
				patients.ErrNotFound)
			require.Empty(t, received)
		})
		t.Run("publishes the deletion and then removes the patient", func(t *testing.T) {
			received, failure = nil, nil
			require.NoError(t, service.Remove(t.Context(), who, patient.ID, revision.Match{}))
			require.Equal(t, []patients.Deleted{{IDs: []patients.ID{patient.ID}, By: who}}, received)
			require.Empty(t, service.browsed(t, who))
			require.Zero(t, assigned(t, db))
		})
		t.Run("fails the second time", func(t *testing.T) {
			received = nil
			require.ErrorIs(t, service.Remove(t.Context(), who, patient.ID, revision.Match{}), patients.ErrNotFound)
			require.Empty(t, received)
		})
	})
}
