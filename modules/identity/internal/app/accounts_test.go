package app_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
)

// signedInAs registers a user and signs them in.
func (h fixture) signedInAs(t *testing.T, email string) (auth.Principal, app.Tokens) {
	t.Helper()
	h.registered(t, domain.Registration{Name: "A User", Email: email, Password: secret})
	return h.again(t, email, secret)
}

func (h fixture) again(t *testing.T, email, password string) (auth.Principal, app.Tokens) {
	t.Helper()
	tokens, err := h.SignIn(t.Context(), domain.Credentials{Email: email, Password: password}, here)
	require.NoError(t, err)
	caller, err := h.Authenticate(t.Context(), tokens.Access)
	require.NoError(t, err)
	return caller, tokens
}

func (h fixture) ended(t *testing.T, tokens app.Tokens) {
	t.Helper()
	_, err := h.Authenticate(t.Context(), tokens.Access)
	require.ErrorIs(t, err, auth.ErrInvalidToken)
	h.refused(t, tokens.Refresh)
}

func (h fixture) requireActive(t *testing.T, tokens app.Tokens) {
	t.Helper()
	_, err := h.Authenticate(t.Context(), tokens.Access)
	require.NoError(t, err)
}

func TestSessionsOfAUser(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		caller, one := h.signedInAs(t, "a@example.com")
		second, two := h.again(t, "a@example.com", secret)
		other, otherTokens := h.signedInAs(t, "b@example.com")
		t.Run("are listed with their origin until they expire", func(t *testing.T) {
			all, err := h.Sessions(t.Context(), caller)
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.Equal(t, domain.Origin{Agent: "test", Network: "203.0.113.0/24"}, all[0].From)
			h.clock.Advance(idle)
			defer h.clock.Advance(-idle)
			all, err = h.Sessions(t.Context(), caller)
			require.NoError(t, err)
			require.Empty(t, all)
		})
		t.Run("can be ended by their user only", func(t *testing.T) {
			session := identity.SessionID{UUID: second.SessionID}
			require.ErrorIs(t, h.SignOut(t.Context(), other, session), identity.ErrSessionNotFound)
			require.NoError(t, h.SignOut(t.Context(), caller, session))
			require.ErrorIs(t, h.SignOut(t.Context(), caller, session), identity.ErrSessionNotFound)
			h.ended(t, two)
			h.requireActive(t, one)
		})
		t.Run("are all ended by logging out everywhere", func(t *testing.T) {
			_, three := h.again(t, "a@example.com", secret)
			require.NoError(t, h.SignOutEverywhere(t.Context(), caller))
			h.ended(t, one)
			h.ended(t, three)
			h.requireActive(t, otherTokens)
		})
	})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		caller, one := h.signedInAs(t, "a@example.com")
		_, two := h.again(t, "a@example.com", secret)
		change := func(current, next string) error {
			return h.ChangePassword(t.Context(), caller, domain.PasswordChange{Current: current, New: next}, here)
		}
		t.Run("requires the current password and a valid new one", func(t *testing.T) {
			require.Equal(t, errs.Invalid, errs.KindOf(change("wrong horse", "another horse")))
			require.Equal(t, errs.Invalid, errs.KindOf(change(secret, "short")))
			h.requireActive(t, two)
		})
		t.Run("ends all sessions except the current one", func(t *testing.T) {
			require.NoError(t, change(secret, "another horse"))
			h.ended(t, two)
			h.requireActive(t, one)
			h.refreshed(t, one.Refresh)
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: "a@example.com", Password: secret}, here)
			require.ErrorIs(t, err, identity.ErrInvalidCredentials)
			h.again(t, "a@example.com", "another horse")
		})
		t.Run("counts a wrong password as a failed attempt to sign in", func(t *testing.T) {
			for range 5 {
				require.Equal(t, errs.Invalid, errs.KindOf(change("wrong horse", "another horse")))
			}
			require.Equal(t, errs.Throttled, errs.KindOf(change("another horse", "a third horse")))
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: "a@example.com", Password: "another horse"}, here)
			require.Equal(t, errs.Throttled, errs.KindOf(err))
		})
	})
}

func TestStrictPasswords(t *testing.T) {
	t.Parallel()
	h := newFixture(t, databasetest.SQLite(t), func(cfg *identity.Config) { cfg.StrictPasswords = true })
	_, err := h.Register(t.Context(), domain.Registration{Name: "A", Email: "a@example.com", Password: "password1"})
	require.Equal(t, errs.Invalid, errs.KindOf(err), "a common password")
	caller, _ := h.signedInAs(t, "a@example.com")
	err = h.ChangePassword(t.Context(), caller, domain.PasswordChange{Current: secret, New: "password1"}, here)
	var invalid *errs.Error
	require.ErrorAs(t, err, &invalid)
	require.Contains(t, invalid.Fields, "new_password")
}

func TestRegistrationClosed(t *testing.T) {
	t.Parallel()
	h := newFixture(t, databasetest.SQLite(t), func(cfg *identity.Config) { cfg.RegistrationClosed = true })
	_, err := h.Register(t.Context(), asha())
	require.ErrorIs(t, err, identity.ErrRegistrationClosed)
	_, err = h.Add(t.Context(), auth.Principal{}, asha(), auth.Staff)
	require.NoError(t, err, "added by an administrator")
	h.signedIn(t)
}

func TestLeave(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		caller, tokens := h.signedInAs(t, "a@example.com")
		h.exec(t,
			`INSERT INTO patients (id, owner_id, name, gender, age, email, phone, address, notes, version,
				created_at, updated_at)
			VALUES (?, ?, 'P', 'Other', 1, '', '', '', '', 1, ?, ?)`, uuid.Must(uuid.NewV7()),
			caller.UserID, database.At(now), database.At(now))
		leave := func(password string, withPatients bool, expected revision.Match) error {
			_, err := h.Leave(t.Context(), caller, expected, password, withPatients, here)
			return err
		}
		t.Run("requires the password, the version and a choice about patients", func(t *testing.T) {
			require.Equal(t, errs.Invalid, errs.KindOf(leave("wrong horse", true, revision.Match{})))
			require.ErrorIs(t, leave(secret, true, revision.OneOf(9)), revision.ErrStale)
			require.ErrorIs(t, leave(secret, false, revision.Match{}), identity.ErrOwnsPatients)
			h.requireActive(t, tokens)
			require.Empty(t, *h.removed)
		})
		t.Run("removes the user and their data", func(t *testing.T) {
			require.NoError(t, leave(secret, true, revision.OneOf(1)))
			h.ended(t, tokens)
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: "a@example.com", Password: secret}, here)
			require.ErrorIs(t, err, identity.ErrInvalidCredentials)
			_, err = h.users.FindByAddress(t.Context(), "a@example.com")
			require.ErrorIs(t, err, ports.ErrNotFound)
			require.ErrorIs(t, leave(secret, true, revision.Match{}), auth.ErrInvalidToken)
			h.signedInAs(t, "a@example.com")
			removed := identity.Removed{User: identity.UserID{UUID: caller.UserID}, By: caller}
			require.Equal(t, []identity.Removed{removed}, *h.removed, "published once")
		})
		t.Run("is rejected for the last administrator", func(t *testing.T) {
			boss, _ := h.signedInAs(t, "boss@example.com")
			h.exec(t, `UPDATE users SET role = 'admin' WHERE id = ?`, boss.UserID)
			_, err := h.Leave(t.Context(), boss, revision.Match{}, secret, false, here)
			require.ErrorIs(t, err, identity.ErrLastAdministrator)
		})
		t.Run("is published once if a job continues it", func(t *testing.T) {
			closed, _ := h.signedInAs(t, "closed@example.com")
			h.patients(t, closed, 101)
			*h.removed = nil
			continued, err := h.Leave(t.Context(), closed, revision.Match{}, secret, true, here)
			require.NoError(t, err)
			removed := identity.Removed{User: identity.UserID{UUID: closed.UserID}, By: closed}
			require.Equal(t, []identity.Removed{removed}, *h.removed)
			require.NotNil(t, continued)
			require.NoError(t, h.erase(t.Context(), closed))
			_, err = h.users.Closed(t.Context(), identity.UserID{UUID: closed.UserID})
			require.ErrorIs(t, err, ports.ErrNotFound)
			require.Len(t, *h.removed, 1)
		})
	})
}

func TestAdminister(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		boss, _ := h.signedInAs(t, "boss@example.com")
		h.exec(t, `UPDATE users SET role = 'admin' WHERE id = ?`, boss.UserID)
		caller, tokens := h.signedInAs(t, "a@example.com")
		user := identity.UserID{UUID: caller.UserID}
		role := func(id identity.UserID, role auth.Role) error {
			_, err := h.Administer(t.Context(), auth.Principal{}, id, revision.Match{},
				domain.Changes{Role: new(string(role))})
			return err
		}
		active := func(id identity.UserID, active bool) error {
			_, err := h.Administer(t.Context(), auth.Principal{}, id, revision.Match{}, domain.Changes{Active: &active})
			return err
		}
		t.Run("sets a declared role at once", func(t *testing.T) {
			require.NoError(t, role(user, auth.Admin))
			again, err := h.Authenticate(t.Context(), tokens.Access)
			require.NoError(t, err)
			require.Equal(t, auth.Admin, again.Role)
			require.NoError(t, role(user, auth.Staff))
			require.Equal(t, errs.Invalid, errs.KindOf(role(user, "king")))
		})
		t.Run("checks the requirement of a role", func(t *testing.T) {
			require.Equal(t, errs.Conflict, errs.KindOf(role(user, "doctor")))
			h.roles["doctor"] = auth.Declaration{} // without a requirement
			require.NoError(t, role(user, "doctor"))
			require.NoError(t, role(user, auth.Staff))
		})
		t.Run("disables a user at once and ends their sessions for good", func(t *testing.T) {
			require.NoError(t, active(user, false))
			h.ended(t, tokens)
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: "a@example.com", Password: secret}, here)
			require.ErrorIs(t, err, identity.ErrInvalidCredentials)
			require.NoError(t, active(user, true))
			h.ended(t, tokens)
			h.again(t, "a@example.com", secret)
		})
		t.Run("keeps one active administrator", func(t *testing.T) {
			id := identity.UserID{UUID: boss.UserID}
			require.ErrorIs(t, role(id, auth.Staff), identity.ErrLastAdministrator)
			require.ErrorIs(t, active(id, false), identity.ErrLastAdministrator)
			require.NoError(t, role(user, auth.Admin))
			require.NoError(t, active(user, false))
			require.ErrorIs(t, role(id, auth.Staff), identity.ErrLastAdministrator,
				"the other administrator is disabled")
			require.NoError(t, role(id, auth.Admin), "no change")
		})
		t.Run("returns an error for an unknown user", func(t *testing.T) {
			require.ErrorIs(t, active(identity.UserID{UUID: uuid.New()}, true), identity.ErrUserNotFound)
		})
	})
}

// Two administrators who demote each other at the same time: one remains.
func TestConcurrentDemotionsKeepOneAdministrator(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		for range 10 {
			var ids [2]identity.UserID
			for i := range ids {
				user, err := h.Add(t.Context(), auth.Principal{},
					domain.Registration{Name: "A", Email: uuid.NewString() + "@example.com", Password: secret},
					auth.Admin)
				require.NoError(t, err)
				ids[i] = user.ID
			}
			var both sync.WaitGroup
			var results [2]error
			for i, id := range ids {
				both.Go(func() {
					_, results[i] = h.Administer(t.Context(), auth.Principal{}, id, revision.Match{},
						domain.Changes{Role: new(string(auth.Staff))})
				})
			}
			both.Wait()
			left, err := h.users.HoldAll(t.Context(), string(auth.Admin))
			require.NoError(t, err)
			require.Len(t, left, 1, "%v", results)
			h.exec(t, `UPDATE users SET role = 'staff'`)
		}
	})
}

// Signing in with the old password while it changes leaves no session.
func TestSignInDuringPasswordChange(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db, func(cfg *identity.Config) { cfg.FreeAttempts, cfg.ClientFailures = 1000, 1000 })
		caller, _ := h.signedInAs(t, "a@example.com")
		old := secret
		for round := range 10 {
			next := secret + string(rune('a'+round))
			var all sync.WaitGroup
			tokens := make([]app.Tokens, 4)
			for i := range tokens {
				all.Go(func() {
					tokens[i], _ = h.SignIn(t.Context(), domain.Credentials{Email: "a@example.com", Password: old},
						here)
				})
			}
			all.Go(func() {
				if err := h.ChangePassword(t.Context(), caller, domain.PasswordChange{Current: old, New: next},
					here); err != nil {
					t.Error(err)
				}
			})
			all.Wait()
			for _, tokens := range tokens {
				if tokens.Access != "" {
					h.ended(t, tokens)
				}
			}
			old = next
		}
	})
}
