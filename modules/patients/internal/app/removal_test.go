package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/revision"
)

// treated is a patient whom an assignment, a record of another module, refers to.
func treated(t *testing.T, h env) (who uuid.UUID, patient domain.Patient) {
	principal := someone(t, h.db)
	patient = h.registered(t, principal, ananya())
	doctor := uuid.Must(uuid.NewV7())
	require.NoError(t, h.db.Write(t.Context()).Exec(
		`INSERT INTO doctors (id, name, specialization, experience, email, phone, version, created_at, updated_at)
		VALUES (?, 'D', 'S', 1, '', '', 1, ?, ?)`, doctor, database.At(now), database.At(now)).Error)
	require.NoError(t, h.db.Write(t.Context()).Exec(
		`INSERT INTO assignments (id, owner_id, patient_id, doctor_id, assigned_at) VALUES (?, ?, ?, ?, ?)`,
		uuid.Must(uuid.NewV7()), principal.UserID, patient.ID, doctor, database.At(now)).Error)
	return principal.UserID, patient
}

func assignments(t *testing.T, db *database.DB) (count int) {
	t.Helper()
	require.NoError(t, db.Read(t.Context()).Raw(`SELECT count(*) FROM assignments`).Scan(&count).Error)
	return count
}

func TestRemove(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var heard []patients.Deleted
		var answer error
		letGo := events.On("assignments", func(ctx context.Context, e patients.Deleted) error {
			heard = append(heard, e)
			if err := db.Write(ctx).Exec(`DELETE FROM assignments WHERE patient_id IN ?`, e.IDs).Error; err != nil {
				return err
			}
			return answer
		})
		service := newEnv(t, db, letGo)
		owner, patient := treated(t, service)
		who := someone(t, db)
		who.UserID = owner

		t.Run("is undone with everything else when one of those who react fails, whose error it is", func(t *testing.T) {
			answer = errors.New("cannot let go")
			require.ErrorIs(t, service.Remove(t.Context(), who, patient.ID, revision.Match{}), answer)
			require.Equal(t, patient, service.found(t, who, patient))
			require.Equal(t, 1, assignments(t, db))
		})
		t.Run("is refused by the foreign key when nobody reacts", func(t *testing.T) {
			alone := newEnv(t, db)
			err := alone.Remove(t.Context(), who, patient.ID, revision.Match{})
			require.ErrorContains(t, err, "react to patients.Deleted")
			require.Equal(t, patient, service.found(t, who, patient))
			require.Equal(t, 1, assignments(t, db))
		})
		t.Run("announces nothing to anybody when the patient is not the user's", func(t *testing.T) {
			heard = nil
			require.ErrorIs(t, service.Remove(t.Context(), someone(t, db), patient.ID, revision.Match{}), patients.ErrNotFound)
			require.Empty(t, heard)
		})
		t.Run("lets those who react let go first, and then removes the patient", func(t *testing.T) {
			heard, answer = nil, nil
			require.NoError(t, service.Remove(t.Context(), who, patient.ID, revision.Match{}))
			require.Equal(t, []patients.Deleted{{IDs: []patients.ID{patient.ID}, By: who}}, heard)
			require.Empty(t, service.browsed(t, who))
			require.Zero(t, assignments(t, db))
		})
		t.Run("cannot be done twice", func(t *testing.T) {
			heard = nil
			require.ErrorIs(t, service.Remove(t.Context(), who, patient.ID, revision.Match{}), patients.ErrNotFound)
			require.Empty(t, heard)
		})
	})
}
