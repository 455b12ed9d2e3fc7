package app_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/revision"
)

func TestAuditEntriesOfUseCases(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		seen := 0
		// recorded requires exactly these entries since the last call.
		recorded := func(want ...audit.Entry) {
			t.Helper()
			all := h.trail.Recorded()
			require.Len(t, all, seen+len(want))
			for i, entry := range want {
				if entry.Outcome == "" {
					entry.Outcome = audit.Success
				}
				require.Equal(t, entry, all[seen+i].Entry)
			}
			seen = len(all)
		}
		caller, tokens := h.signedInAs(t, "a@example.com")
		user, session := audit.Entry{Resource: "User", ResourceID: caller.UserID}, audit.Entry{Resource: "Session"}
		session.ResourceID = caller.SessionID
		entry := func(about audit.Entry, action audit.Action, status int, fields ...string) audit.Entry {
			about.Action, about.Status, about.Fields = action, status, fields
			return about
		}
		denied := func(action audit.Action, about audit.Entry, status int) audit.Entry {
			about = entry(about, action, status)
			about.Outcome = audit.Denied
			return about
		}
		recorded(entry(user, audit.Create, http.StatusCreated), entry(session, audit.Login, http.StatusOK))

		refreshed := h.refreshed(t, tokens.Refresh)
		recorded(entry(session, audit.Refresh, http.StatusOK))
		h.refreshed(t, refreshed.Refresh)
		recorded(entry(session, audit.Refresh, http.StatusOK))
		h.refused(t, tokens.Refresh)
		recorded(denied(audit.RefreshReused, session, http.StatusUnauthorized))

		_, err := h.Rename(t.Context(), caller, revision.Match{}, new("Another Name"))
		require.NoError(t, err)
		recorded(entry(user, audit.Update, http.StatusOK, "name"))

		id := identity.UserID{UUID: caller.UserID}
		admin := auth.Principal{Role: auth.Admin}
		changes := domain.Changes{Name: new("N"), Role: new(string(auth.Admin)), Active: new(false)}
		_, err = h.Administer(t.Context(), admin, id, revision.Match{}, changes)
		require.NoError(t, err)
		recorded(entry(user, audit.RoleChanged, http.StatusOK, "name", "role", "active"))

		_, err = h.SignIn(t.Context(), domain.Credentials{Email: "a@example.com", Password: secret}, here)
		require.ErrorIs(t, err, identity.ErrInvalidCredentials, "disabled, with the right password")
		recorded(denied(audit.LoginFailed, user, http.StatusUnauthorized))

		_, err = h.Administer(t.Context(), admin, id, revision.Match{}, domain.Changes{Active: new(true)})
		require.NoError(t, err)
		recorded(entry(user, audit.Update, http.StatusOK, "active"))

		_, err = h.ResetPassword(t.Context(), admin, id, "another horse")
		require.NoError(t, err)
		recorded(entry(user, audit.PasswordChanged, http.StatusNoContent))

		caller, _ = h.again(t, "a@example.com", "another horse")
		session.ResourceID = caller.SessionID
		recorded(entry(session, audit.Login, http.StatusOK))
		change := domain.PasswordChange{Current: "wrong horse", New: secret}
		require.Error(t, h.ChangePassword(t.Context(), caller, change, here))
		recorded(denied(audit.LoginFailed, user, http.StatusBadRequest))
		change.Current = "another horse"
		require.NoError(t, h.ChangePassword(t.Context(), caller, change, here))
		recorded(entry(user, audit.PasswordChanged, http.StatusNoContent))

		require.NoError(t, h.SignOut(t.Context(), caller, identity.SessionID{UUID: caller.SessionID}))
		recorded(entry(session, audit.Logout, http.StatusNoContent))
		require.NoError(t, h.SignOutEverywhere(t.Context(), caller))
		recorded(entry(user, audit.Logout, http.StatusNoContent))

		other := domain.Registration{Name: "N", Email: "b@example.com", Password: secret}
		added, err := h.Add(t.Context(), admin, other, auth.Admin)
		require.NoError(t, err)
		recorded(entry(audit.Entry{Resource: "User", ResourceID: added.ID.UUID}, audit.Create, http.StatusCreated))
		_, err = h.Leave(t.Context(), caller, revision.Match{}, secret, false, here)
		require.NoError(t, err)
		recorded(entry(user, audit.Delete, http.StatusNoContent))
	})
}
