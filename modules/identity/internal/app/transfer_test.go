package app_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

func TestTransfer(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		admin := auth.Principal{UserID: databasetest.NewUser(t, db), Role: auth.Admin}
		newUser := func() identity.UserID { return identity.UserID{UUID: databasetest.NewUser(t, db)} }
		from, to := newUser(), newUser()
		for range 3 {
			databasetest.NewPatient(t, db, from.UUID)
		}

		t.Run("counts before, and moves at most the limit", func(t *testing.T) {
			found, err := h.Transferable(t.Context(), admin, from, to)
			require.NoError(t, err)
			require.Equal(t, identity.Transfer{Left: 3}, found)
			all, err := h.Transferable(t.Context(), admin, from, identity.UserID{})
			require.NoError(t, err)
			require.Equal(t, identity.Transfer{Left: 3}, all)
			for _, expected := range []identity.Transfer{{Moved: 2, Left: 1}, {Moved: 1}, {}} {
				done, err := h.Transfer(t.Context(), admin, from, to, 2)
				require.NoError(t, err)
				require.Equal(t, expected, done)
			}
		})
		t.Run("records the administrator, the sender and the receiver", func(t *testing.T) {
			recorded := h.trail.Recorded()
			last := recorded[len(recorded)-1]
			require.Equal(t, admin, last.Who)
			require.Equal(t, audit.Entry{
				Action: audit.Transferred, Resource: "User", ResourceID: from.UUID, Outcome: audit.Success, Status: 200,
				IDs: []uuid.UUID{to.UUID},
			}, last.Entry)
		})
		t.Run("rejects the same user and limits out of bounds", func(t *testing.T) {
			for _, limit := range []int{0, 1001, -1} {
				_, err := h.Transfer(t.Context(), admin, from, to, limit)
				require.Equal(t, errs.Invalid, errs.KindOf(err), limit)
			}
			_, err := h.Transfer(t.Context(), admin, to, to, 1)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
			_, err = h.Transferable(t.Context(), admin, to, to)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		})
		t.Run("finds no unknown user", func(t *testing.T) {
			unknown := identity.UserID{UUID: uuid.New()}
			for _, pair := range [][2]identity.UserID{{unknown, to}, {to, unknown}} {
				_, err := h.Transfer(t.Context(), admin, pair[0], pair[1], 1)
				require.ErrorIs(t, err, identity.ErrUserNotFound)
				_, err = h.Transferable(t.Context(), admin, pair[0], pair[1])
				require.ErrorIs(t, err, identity.ErrUserNotFound)
			}
		})
		t.Run("rejects a receiver who is disabled or may not have patients", func(t *testing.T) {
			disabled, auditor, staff := newUser(), newUser(), newUser()
			_, err := h.Administer(t.Context(), admin, disabled, revision.Match{}, domain.Changes{Active: new(false)})
			require.NoError(t, err)
			require.NoError(t, db.Write(t.Context()).Exec(
				`UPDATE users SET role = 'auditor' WHERE id = ?`, auditor).Error)
			for _, receiver := range []identity.UserID{disabled, auditor} {
				_, err := h.Transfer(t.Context(), admin, to, receiver, 1)
				require.ErrorIs(t, err, identity.ErrCannotKeepPatients)
				_, err = h.Transferable(t.Context(), admin, to, receiver)
				require.ErrorIs(t, err, identity.ErrCannotKeepPatients)
			}
			for _, role := range []string{"admin", "doctor", "staff"} {
				require.NoError(t, db.Write(t.Context()).Exec(
					`UPDATE users SET role = ? WHERE id = ?`, role, staff).Error)
				done, err := h.Transfer(t.Context(), admin, to, staff, 1)
				require.NoError(t, err)
				require.Equal(t, 1, done.Moved)
			}
		})
		t.Run("moves the patients of a disabled user", func(t *testing.T) {
			gone := newUser()
			databasetest.NewPatient(t, db, gone.UUID)
			_, err := h.Administer(t.Context(), admin, gone, revision.Match{}, domain.Changes{Active: new(false)})
			require.NoError(t, err)
			done, err := h.Transfer(t.Context(), admin, gone, from, 1)
			require.NoError(t, err)
			require.Equal(t, 1, done.Moved)
		})
	})
}
