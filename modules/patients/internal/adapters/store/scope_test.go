package store_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/recordid"
)

// TestScope verifies, at the store: whoever is outside the scope does not exist, by any method, and stays as they were.
func TestScope(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner, stranger := t.Context(), databasetest.NewUser(t, db), databasetest.NewUser(t, db)
		theirs, own := mustAdd(t, repository, ananya(owner)), mustAdd(t, repository, ananya(stranger))
		for who, scope := range map[string]patients.Scope{
			"a stranger":                patients.OwnedBy(stranger),
			"a user who does not exist": patients.OwnedBy(uuid.Must(uuid.NewV7())),
			"the zero scope":            {},
			"the nil user":              patients.OwnedBy(uuid.Nil),
		} {
			missing := recordid.New[patients.ID]()
			t.Run(who+" finds nobody else's patient", func(t *testing.T) {
				found, err := repository.Find(ctx, scope, theirs.ID)
				require.ErrorIs(t, err, patients.ErrNotFound)
				require.Zero(t, found)
				_, nobody := repository.Find(ctx, scope, missing)
				require.Equal(t, nobody, err, "foreign and missing are the same answer")
			})
			t.Run(who+" finds none among many", func(t *testing.T) {
				found, err := repository.FindAll(ctx, scope, []patients.ID{theirs.ID, own.ID})
				require.NoError(t, err)
				if who == "a stranger" {
					require.Equal(t, []domain.Patient{shown(own)}, found)
				} else {
					require.Empty(t, found)
				}
			})
			t.Run(who+" changes none", func(t *testing.T) {
				changed, err := repository.Change(ctx, scope, theirs.ID, func(*domain.Patient) error {
					t.Error("the rule saw the patient")
					return nil
				})
				require.ErrorIs(t, err, patients.ErrNotFound)
				require.Zero(t, changed)
			})
			t.Run(who+" locks none", func(t *testing.T) {
				require.ErrorIs(t, lock(ctx, repository, scope, theirs.ID), patients.ErrNotFound)
			})
			t.Run(who+" removes none", func(t *testing.T) {
				require.ErrorIs(t, repository.Remove(ctx, scope, theirs.ID), patients.ErrNotFound)
			})
			t.Run(who+" has none listed", func(t *testing.T) {
				require.NotContains(t, listed(ctx, t, repository, scope), theirs)
			})
			t.Run("after "+who+" the patient is as before", func(t *testing.T) {
				require.Equal(t, []domain.Patient{theirs}, listed(ctx, t, repository, patients.OwnedBy(owner)))
				require.Equal(t, []domain.Patient{own}, listed(ctx, t, repository, patients.OwnedBy(stranger)))
			})
		}
	})
}
