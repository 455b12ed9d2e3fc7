package app_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/revision"
)

func TestUserChangesAreStored(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		caller, _ := h.signedInAs(t, "a@example.com")
		id := identity.UserID{UUID: caller.UserID}
		first, err := h.Me(t.Context(), caller)
		require.NoError(t, err)

		h.clock.Advance(time.Hour)
		changes := domain.Changes{Name: new("Another Name"), Role: new(string(auth.Admin)), Active: new(false)}
		_, err = h.Administer(t.Context(), auth.Principal{}, id, revision.Match{}, changes)
		require.NoError(t, err)
		second, err := h.ResetPassword(t.Context(), auth.Principal{}, id, "another horse")
		require.NoError(t, err)
		databasetest.RequireAllDiffer(t, first, second, "ID", "Email", "Username", "CreatedAt",
			"SelfRegistered")
		require.Equal(t, second, h.stored(t, first))
	})
}

func TestSessionChangesAreStored(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		caller, tokens := h.signedInAs(t, "a@example.com")
		stored := func() (session domain.Session) {
			id := identity.SessionID{UUID: caller.SessionID}
			require.NoError(t, h.sessions.Change(t.Context(), id, func(_ context.Context, s *domain.Session) error {
				session = *s
				return nil
			}))
			return session
		}
		first := stored()
		h.clock.Advance(time.Hour)
		from := app.From{Agent: "another", Address: netip.MustParseAddr("198.51.100.7")}
		_, err := h.Refresh(t.Context(), tokens.Refresh, from)
		require.NoError(t, err)
		second := stored()
		databasetest.RequireAllDiffer(t, first, second, "ID", "UserID", "CreatedAt")
		require.Equal(t, domain.Origin{Agent: "another", Network: "198.51.100.0/24"}, second.From)
	})
}
