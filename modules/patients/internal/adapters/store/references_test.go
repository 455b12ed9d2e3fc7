package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

func TestReferences(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		owner := databasetest.NewUser(t, db)
		scope, doctor := patients.OwnedBy(owner), databasetest.NewDoctor(t, db)
		assign := func(ctx context.Context, patient patients.ID) error {
			return databasetest.Assign(ctx, db, owner, patient.UUID, doctor)
		}
		t.Run("prevent the removal of a patient if no subscriber removes them", func(t *testing.T) {
			patient := mustAdd(t, repository, ben(t, owner))
			require.NoError(t, assign(t.Context(), patient.ID))
			err := repository.Remove(t.Context(), scope, patient.ID)
			require.ErrorContains(t, err, "react to patients.Deleted")
			found, err := repository.Find(t.Context(), scope, patient.ID)
			require.NoError(t, err)
			require.Equal(t, patient, found)
		})
		t.Run("to a locked patient wait for the end of the transaction", func(t *testing.T) {
			patient := mustAdd(t, repository, ben(t, owner))
			outside := t.Context()
			require.NoError(t, db.Do(outside, func(ctx context.Context) error {
				require.NoError(t, lock(ctx, repository, scope, patient.ID))
				soon, cancel := context.WithTimeout(outside, 200*time.Millisecond)
				defer cancel()
				err := assign(soon, patient.ID)
				require.Equal(t, errs.Unavailable, errs.KindOf(err), "it should wait for the transaction")
				return nil
			}))
			require.NoError(t, assign(outside, patient.ID))
		})
	})
}
