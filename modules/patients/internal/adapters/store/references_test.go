package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/errs"
)

// assign has another module refer to the patient, with the connection of ctx.
func assign(ctx context.Context, db *database.DB, owner uuid.UUID, patient patients.ID) error {
	doctor := uuid.Must(uuid.NewV7())
	return db.Do(ctx, func(ctx context.Context) error {
		if err := db.Write(ctx).Exec(
			`INSERT INTO doctors (id, name, specialization, experience, email, phone, version, created_at, updated_at)
			VALUES (?, 'D', 'S', 1, '', '', 1, ?, ?)`, doctor, database.At(now), database.At(now)).Error; err != nil {
			return err
		}
		return db.Write(ctx).Exec(`INSERT INTO assignments (id, owner_id, patient_id, doctor_id, assigned_at) VALUES (?, ?, ?, ?, ?)`,
			uuid.Must(uuid.NewV7()), owner, patient, doctor, database.At(now)).Error
	})
}

func TestReferences(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		owner := someone(t, db)
		scope := patients.OwnedBy(owner)
		t.Run("keep a patient from being removed behind the back of whoever holds on to them", func(t *testing.T) {
			patient := kept(t, repository, ben(t, owner))
			require.NoError(t, assign(t.Context(), db, owner, patient.ID))
			err := repository.Remove(t.Context(), scope, patient.ID)
			require.ErrorContains(t, err, "react to patients.Deleted")
			found, err := repository.Find(t.Context(), scope, patient.ID)
			require.NoError(t, err)
			require.Equal(t, patient, found)
		})
		t.Run("cannot be made to a patient who is held, until the transaction ends", func(t *testing.T) {
			patient := kept(t, repository, ben(t, owner))
			outside := t.Context()
			require.NoError(t, db.Do(outside, func(ctx context.Context) error {
				require.NoError(t, hold(ctx, repository, scope, patient.ID))
				soon, cancel := context.WithTimeout(outside, 200*time.Millisecond)
				defer cancel()
				require.Equal(t, errs.Unavailable, errs.KindOf(assign(soon, db, owner, patient.ID)), "it should wait for the transaction")
				return nil
			}))
			require.NoError(t, assign(outside, db, owner, patient.ID))
		})
	})
}
