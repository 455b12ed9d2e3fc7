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

// TestScope verifies at the store: no method finds or changes a patient outside the scope.
func TestScope(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		ctx, owner, stranger := t.Context(), databasetest.NewUser(t, db), databasetest.NewUser(t, db)
		foreign, own := mustAdd(t, repository, ananya(owner)), mustAdd(t, repository, ananya(stranger))
		for name, scope := range map[string]patients.Scope{
			"a stranger":     patients.OwnedBy(stranger),
			"a missing user": patients.OwnedBy(uuid.Must(uuid.NewV7())),
			"the zero scope": {},
			"the nil user":   patients.OwnedBy(uuid.Nil),
		} {
			missing := recordid.New[patients.ID]()
			t.Run(name+" does not find a foreign patient", func(t *testing.T) {
				found, err := repository.Find(ctx, scope, foreign.ID)
				require.ErrorIs(t, err, patients.ErrNotFound)
				require.Zero(t, found)
				_, missingErr := repository.Find(ctx, scope, missing)
				require.Equal(t, missingErr, err, "the error does not depend on the existence of the patient")
			})
			t.Run(name+" finds no foreign patient among several ids", func(t *testing.T) {
				found, err := repository.FindAll(ctx, scope, []patients.ID{foreign.ID, own.ID})
				require.NoError(t, err)
				if name == "a stranger" {
					require.Equal(t, []domain.Patient{shown(own)}, found)
				} else {
					require.Empty(t, found)
				}
			})
			t.Run(name+" changes no foreign patient", func(t *testing.T) {
				changed, err := repository.Change(ctx, scope, foreign.ID, func(*domain.Patient) error {
					t.Error("the rule ran")
					return nil
				})
				require.ErrorIs(t, err, patients.ErrNotFound)
				require.Zero(t, changed)
			})
			t.Run(name+" locks no foreign patient", func(t *testing.T) {
				require.ErrorIs(t, lock(ctx, repository, scope, foreign.ID), patients.ErrNotFound)
			})
			t.Run(name+" removes no foreign patient", func(t *testing.T) {
				require.ErrorIs(t, repository.Remove(ctx, scope, foreign.ID), patients.ErrNotFound)
			})
			t.Run(name+" lists no foreign patient", func(t *testing.T) {
				require.NotContains(t, listAll(ctx, t, repository, scope), foreign)
			})
			t.Run("after "+name+" all patients are unchanged", func(t *testing.T) {
				require.Equal(t, []domain.Patient{foreign}, listAll(ctx, t, repository, patients.OwnedBy(owner)))
				require.Equal(t, []domain.Patient{own}, listAll(ctx, t, repository, patients.OwnedBy(stranger)))
			})
		}
	})
}
