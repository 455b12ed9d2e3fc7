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

// signedInAs is somebody with an account of their own.
func (h fixture) signedInAs(t *testing.T, email string) (auth.Principal, app.Tokens) {
	t.Helper()
	h.registered(t, domain.Registration{Name: "Somebody", Email: email, Password: secret})
	return h.again(t, email, secret)
}

func (h fixture) again(t *testing.T, email, password string) (auth.Principal, app.Tokens) {
	t.Helper()
	tokens, err := h.SignIn(t.Context(), domain.Credentials{Email: email, Password: password}, here)
	require.NoError(t, err)
	who, err := h.Authenticate(t.Context(), tokens.Access)
	require.NoError(t, err)
	return who, tokens
}

func (h fixture) ended(t *testing.T, tokens app.Tokens) {
	t.Helper()
	_, err := h.Authenticate(t.Context(), tokens.Access)
	require.ErrorIs(t, err, auth.ErrInvalidToken)
	h.refused(t, tokens.Refresh)
}

func (h fixture) goesOn(t *testing.T, tokens app.Tokens) {
	t.Helper()
	_, err := h.Authenticate(t.Context(), tokens.Access)
	require.NoError(t, err)
}

func TestSessionsOfAUser(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		who, one := h.signedInAs(t, "a@example.com")
		second, two := h.again(t, "a@example.com", secret)
		stranger, others := h.signedInAs(t, "b@example.com")
		t.Run("are listed with where from, and no longer than they live", func(t *testing.T) {
			all, err := h.Sessions(t.Context(), who)
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.Equal(t, domain.Origin{Agent: "test", Network: "203.0.113.0/24"}, all[0].From)
			h.clock.Advance(idle)
			defer h.clock.Advance(-idle)
			all, err = h.Sessions(t.Context(), who)
			require.NoError(t, err)
			require.Empty(t, all)
		})
		t.Run("end one by one, and only at their user's word", func(t *testing.T) {
			session := identity.SessionID{UUID: second.SessionID}
			require.ErrorIs(t, h.SignOut(t.Context(), stranger, session), identity.ErrSessionNotFound)
			require.NoError(t, h.SignOut(t.Context(), who, session))
			require.ErrorIs(t, h.SignOut(t.Context(), who, session), identity.ErrSessionNotFound)
			h.ended(t, two)
			h.goesOn(t, one)
		})
		t.Run("end all at once", func(t *testing.T) {
			_, three := h.again(t, "a@example.com", secret)
			require.NoError(t, h.SignOutEverywhere(t.Context(), who))
			h.ended(t, one)
			h.ended(t, three)
			h.goesOn(t, others)
		})
	})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		who, one := h.signedInAs(t, "a@example.com")
		_, two := h.again(t, "a@example.com", secret)
		change := func(current, next string) error {
			return h.ChangePassword(t.Context(), who, domain.PasswordChange{Current: current, New: next}, here)
		}
		t.Run("wants the current one, and one that is allowed", func(t *testing.T) {
			require.Equal(t, errs.Invalid, errs.KindOf(change("wrong horse", "another horse")))
			require.Equal(t, errs.Invalid, errs.KindOf(change(secret, "short")))
			h.goesOn(t, two)
		})
		t.Run("ends all other sessions, and keeps this one", func(t *testing.T) {
			require.NoError(t, change(secret, "another horse"))
			h.ended(t, two)
			h.goesOn(t, one)
			h.refreshed(t, one.Refresh)
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: "a@example.com", Password: secret}, here)
			require.ErrorIs(t, err, identity.ErrInvalidCredentials)
			h.again(t, "a@example.com", "another horse")
		})
		t.Run("counts wrong ones like failed attempts to sign in", func(t *testing.T) {
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
	require.Equal(t, errs.Invalid, errs.KindOf(err), "it is common")
	who, _ := h.signedInAs(t, "a@example.com")
	err = h.ChangePassword(t.Context(), who, domain.PasswordChange{Current: secret, New: "password1"}, here)
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
	require.NoError(t, err, "an administrator makes them")
	h.signedIn(t)
}

func TestLeave(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		who, tokens := h.signedInAs(t, "a@example.com")
		h.exec(t, `INSERT INTO patients (id, owner_id, name, gender, age, email, phone, address, notes, version, created_at, updated_at)
			VALUES (?, ?, 'P', 'Other', 1, '', '', '', '', 1, ?, ?)`, uuid.Must(uuid.NewV7()), who.UserID, database.At(now), database.At(now))
		leave := func(password string, withPatients bool, expected revision.Match) error {
			_, err := h.Leave(t.Context(), who, expected, password, withPatients, here)
			return err
		}
		t.Run("wants the password, the version, and a word about patients", func(t *testing.T) {
			require.Equal(t, errs.Invalid, errs.KindOf(leave("wrong horse", true, revision.Match{})))
			require.ErrorIs(t, leave(secret, true, revision.OneOf(9)), revision.ErrStale)
			require.ErrorIs(t, leave(secret, false, revision.Match{}), identity.ErrOwnsPatients)
			h.goesOn(t, tokens)
		})
		t.Run("removes the user with everything", func(t *testing.T) {
			require.NoError(t, leave(secret, true, revision.OneOf(1)))
			h.ended(t, tokens)
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: "a@example.com", Password: secret}, here)
			require.ErrorIs(t, err, identity.ErrInvalidCredentials)
			_, err = h.users.FindByAddress(t.Context(), "a@example.com")
			require.ErrorIs(t, err, ports.ErrNotFound)
			require.ErrorIs(t, leave(secret, true, revision.Match{}), auth.ErrInvalidToken)
			h.signedInAs(t, "a@example.com")
		})
		t.Run("is not for the last administrator", func(t *testing.T) {
			boss, _ := h.signedInAs(t, "boss@example.com")
			h.exec(t, `UPDATE users SET role = 'admin' WHERE id = ?`, boss.UserID)
			_, err := h.Leave(t.Context(), boss, revision.Match{}, secret, false, here)
			require.ErrorIs(t, err, identity.ErrLastAdministrator)
		})
	})
}

func TestAdminister(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		boss, _ := h.signedInAs(t, "boss@example.com")
		h.exec(t, `UPDATE users SET role = 'admin' WHERE id = ?`, boss.UserID)
		who, tokens := h.signedInAs(t, "a@example.com")
		user := identity.UserID{UUID: who.UserID}
		role := func(id identity.UserID, role auth.Role) error {
			_, err := h.Administer(t.Context(), auth.Principal{}, id, revision.Match{}, domain.Changes{Role: new(string(role))})
			return err
		}
		active := func(id identity.UserID, active bool) error {
			_, err := h.Administer(t.Context(), auth.Principal{}, id, revision.Match{}, domain.Changes{Active: &active})
			return err
		}
		t.Run("gives roles that are declared, at once", func(t *testing.T) {
			require.NoError(t, role(user, auth.Admin))
			again, err := h.Authenticate(t.Context(), tokens.Access)
			require.NoError(t, err)
			require.Equal(t, auth.Admin, again.Role)
			require.NoError(t, role(user, auth.Staff))
			require.Equal(t, errs.Invalid, errs.KindOf(role(user, "king")))
		})
		t.Run("gives a role that stands for a record to whom it is linked to", func(t *testing.T) {
			require.Equal(t, errs.Conflict, errs.KindOf(role(user, "doctor")))
			h.roles["doctor"] = auth.Declaration{Role: "doctor"} // by now anybody may
			require.NoError(t, role(user, "doctor"))
			require.NoError(t, role(user, auth.Staff))
		})
		t.Run("disables at once, and for good", func(t *testing.T) {
			require.NoError(t, active(user, false))
			h.ended(t, tokens)
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: "a@example.com", Password: secret}, here)
			require.ErrorIs(t, err, identity.ErrInvalidCredentials)
			require.NoError(t, active(user, true))
			h.ended(t, tokens)
			h.again(t, "a@example.com", secret)
		})
		t.Run("keeps an administrator who can sign in", func(t *testing.T) {
			id := identity.UserID{UUID: boss.UserID}
			require.ErrorIs(t, role(id, auth.Staff), identity.ErrLastAdministrator)
			require.ErrorIs(t, active(id, false), identity.ErrLastAdministrator)
			require.NoError(t, role(user, auth.Admin))
			require.NoError(t, active(user, false))
			require.ErrorIs(t, role(id, auth.Staff), identity.ErrLastAdministrator, "the other one is disabled")
			require.NoError(t, role(id, auth.Admin), "which changes nothing")
		})
		t.Run("finds nobody who is not there", func(t *testing.T) {
			require.ErrorIs(t, active(identity.UserID{UUID: uuid.New()}, true), identity.ErrUserNotFound)
		})
	})
}

// Two administrators who demote each other at the same moment leave one.
func TestTheLastAdministratorsRace(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		for range 10 {
			var ids [2]identity.UserID
			for i := range ids {
				user, err := h.Add(t.Context(), auth.Principal{}, domain.Registration{Name: "A", Email: uuid.NewString() + "@example.com", Password: secret}, auth.Admin)
				require.NoError(t, err)
				ids[i] = user.ID
			}
			var both sync.WaitGroup
			var answers [2]error
			for i, id := range ids {
				both.Go(func() {
					_, answers[i] = h.Administer(t.Context(), auth.Principal{}, id, revision.Match{}, domain.Changes{Role: new(string(auth.Staff))})
				})
			}
			both.Wait()
			left, err := h.users.HoldAll(t.Context(), string(auth.Admin))
			require.NoError(t, err)
			require.Len(t, left, 1, "%v", answers)
			h.exec(t, `UPDATE users SET role = 'staff'`)
		}
	})
}

// A password that is changed while somebody signs in with the old one leaves no session of the old one behind.
func TestSigningInWhileThePasswordChanges(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db, func(cfg *identity.Config) { cfg.FreeAttempts, cfg.ClientFailures = 1000, 1000 })
		who, _ := h.signedInAs(t, "a@example.com")
		old := secret
		for round := range 10 {
			next := secret + string(rune('a'+round))
			var all sync.WaitGroup
			tokens := make([]app.Tokens, 4)
			for i := range tokens {
				all.Go(func() {
					tokens[i], _ = h.SignIn(t.Context(), domain.Credentials{Email: "a@example.com", Password: old}, here)
				})
			}
			all.Go(func() {
				if err := h.ChangePassword(t.Context(), who, domain.PasswordChange{Current: old, New: next}, here); err != nil {
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
