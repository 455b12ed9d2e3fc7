package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

func TestReauthenticate(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		who, _ := h.signedInAs(t, "a@example.com")
		var reauthenticator identity.Reauthenticator = h.Accounts
		prove := func(password string) error {
			return reauthenticator.Reauthenticate(t.Context(), who, password, here.Address)
		}
		t.Run("accepts the user's password", func(t *testing.T) { require.NoError(t, prove(secret)) })
		t.Run("records a wrong password", func(t *testing.T) {
			require.Equal(t, wrongPassword(t), prove("wrong password").Error())
			recorded := h.trail.Recorded()
			require.Equal(t, audit.LoginFailed, recorded[len(recorded)-1].Entry.Action)
			require.Equal(t, who, recorded[len(recorded)-1].Who)
		})
		t.Run("limits the attempts, together with those to sign in", func(t *testing.T) {
			for range 4 {
				require.Equal(t, errs.Invalid, errs.KindOf(prove("wrong password")))
			}
			require.Equal(t, errs.Throttled, errs.KindOf(prove(secret)))
		})
		t.Run("rejects an account that was removed", func(t *testing.T) {
			gone := auth.Principal{UserID: databasetest.NewUser(t, db)}
			h.exec(t, `DELETE FROM users WHERE id = ?`, gone.UserID)
			require.ErrorIs(t, h.Reauthenticate(t.Context(), gone, secret, here.Address), auth.ErrInvalidToken)
		})
	})
}

// wrongPassword returns the text of the error for a wrong password.
func wrongPassword(t *testing.T) string {
	t.Helper()
	return errs.Invalidf("password", "Is not your password.").Error()
}
