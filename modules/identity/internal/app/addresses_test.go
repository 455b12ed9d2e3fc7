package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/token"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/keyring"
	"healthcare/platform/revision"
)

const another = "another horse"

// lastWanted returns the token that was announced last.
func (h fixture) lastWanted(t testing.TB) identity.TokenWanted {
	t.Helper()
	require.NotEmpty(t, h.published.wanted)
	return h.published.wanted[len(h.published.wanted)-1]
}

// requested requests a reset for an address, and returns the announced token.
func (h fixture) requested(t testing.TB, email string) identity.TokenWanted {
	t.Helper()
	before := len(h.published.wanted)
	require.NoError(t, h.addresses.RequestReset(t.Context(), email, here.Address))
	require.Len(t, h.published.wanted, before+1)
	return h.lastWanted(t)
}

// sent returns the token that was announced, as it is sent.
func (h fixture) sent(t testing.TB, wanted identity.TokenWanted) string {
	t.Helper()
	made, err := h.contacts.FindToken(t.Context(), wanted)
	require.NoError(t, err)
	require.Equal(t, wanted.ExpiresAt, made.ExpiresAt)
	return made.Secret.Reveal()
}

func (h fixture) reset(ctx context.Context, token, password string) error {
	return h.addresses.ConfirmReset(ctx, domain.PasswordReset{Token: token, Password: password}, here.Address)
}

func (h fixture) canSignIn(t testing.TB, password string) bool {
	t.Helper()
	_, err := h.SignIn(t.Context(), domain.Credentials{Email: asha().Email, Password: password}, here)
	if err != nil {
		require.ErrorIs(t, err, identity.ErrInvalidCredentials)
	}
	return err == nil
}

// verified reports whether the user's address is verified.
func (h fixture) verified(t testing.TB, id identity.UserID) bool {
	t.Helper()
	contacts, err := h.contacts.FindContacts(t.Context(), []identity.UserID{id})
	require.NoError(t, err)
	require.Contains(t, contacts, id)
	return contacts[id].Verified
}

func TestPasswordReset(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		user := h.registered(t, asha())
		tokens := h.signedIn(t)
		wanted := h.requested(t, " ASHA.RAO@example.com ")
		require.Equal(t, identity.TokenWanted{
			User: user.ID, Purpose: identity.PasswordReset,
			ExpiresAt: now.Add(30 * time.Minute).Truncate(time.Second),
		}, wanted)
		secretToken := h.sent(t, wanted)
		require.Regexp(t, `^[A-Za-z0-9_-]{86}$`, secretToken)
		require.Equal(t, secretToken, h.sent(t, wanted), "made again, not stored")

		t.Run("rejects a bad password without using up the token", func(t *testing.T) {
			for _, password := range []string{"", "short"} {
				require.Equal(t, errs.Invalid, errs.KindOf(h.reset(t.Context(), secretToken, password)))
			}
			require.True(t, h.canSignIn(t, secret))
			require.False(t, h.verified(t, user.ID))
		})
		t.Run("sets the password, ends all sessions and verifies the address", func(t *testing.T) {
			h.published.changed = nil
			require.NoError(t, h.reset(t.Context(), secretToken, another))
			require.True(t, h.canSignIn(t, another))
			require.False(t, h.canSignIn(t, secret))
			h.refused(t, tokens.Refresh)
			_, err := h.Authenticate(t.Context(), tokens.Access)
			require.ErrorIs(t, err, auth.ErrInvalidToken)
			require.Equal(t, user.TokenVersion+1, h.stored(t, user).TokenVersion)
			require.True(t, h.verified(t, user.ID))
			require.Equal(t, []identity.PasswordChanged{{User: user.ID}}, h.published.changed)
		})
		t.Run("works once, and the token is not made again", func(t *testing.T) {
			require.ErrorIs(t, h.reset(t.Context(), secretToken, "a third horse"), identity.ErrInvalidMailToken)
			require.True(t, h.canSignIn(t, another))
			_, err := h.contacts.FindToken(t.Context(), wanted)
			require.ErrorIs(t, err, identity.ErrTokenNotWanted)
		})
		t.Run("is recorded, and so is a token that is not valid", func(t *testing.T) {
			actions := map[audit.Action]int{}
			for _, r := range h.trail.Recorded() {
				if r.Entry.Action == audit.PasswordChanged {
					require.Equal(t, user.ID.UUID, r.Entry.ResourceID)
					require.Equal(t, user.ID.UUID, r.Who.UserID)
				}
				actions[r.Entry.Action]++
			}
			require.Equal(t, 1, actions[audit.PasswordChanged])
			require.Equal(t, 1, actions[audit.Refused])
		})
	})
}

// A token is invalid once anything has changed to which it is bound.
func TestTokensThatAreNotValid(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		number := 0
		for name, spoil := range map[string]func(t *testing.T, h fixture, user domain.User){
			"after 30 minutes": func(_ *testing.T, h fixture, _ domain.User) { h.clock.Advance(30 * time.Minute) },
			"after the clock was set back by a minute": func(_ *testing.T, h fixture, _ domain.User) {
				h.clock.Advance(-time.Minute)
			},
			"for a disabled account": func(t *testing.T, h fixture, user domain.User) {
				h.exec(t, `UPDATE users SET active = ? WHERE id = ?`, false, user.ID)
			},
			"after an older release has changed the address": func(t *testing.T, h fixture, user domain.User) {
				h.exec(t, `UPDATE users SET email = 'new@example.com' WHERE id = ?`, user.ID)
			},
			"after the user has changed the password": func(t *testing.T, h fixture, user domain.User) {
				who := auth.Principal{UserID: user.ID.UUID, Role: auth.Staff}
				change := domain.PasswordChange{Current: secret, New: another}
				require.NoError(t, h.ChangePassword(t.Context(), who, change, here))
			},
			"after an operator has set the password": func(t *testing.T, h fixture, user domain.User) {
				_, err := h.ResetPassword(t.Context(), auth.Operator, user.ID, another)
				require.NoError(t, err)
			},
			"after the account was removed": func(t *testing.T, h fixture, user domain.User) {
				who := auth.Principal{UserID: user.ID.UUID, Role: auth.Staff}
				_, err := h.Leave(t.Context(), who, revision.Match{}, secret, true, here)
				require.NoError(t, err)
			},
			"after the account was closed": func(t *testing.T, h fixture, user domain.User) {
				who := auth.Principal{UserID: user.ID.UUID, Role: auth.Staff}
				h.patients(t, who, 101)
				_, err := h.Leave(t.Context(), who, revision.Match{}, secret, true, here)
				require.NoError(t, err)
				var rows int
				require.NoError(t, h.db.Read(t.Context()).Raw(
					`SELECT count(*) FROM user_mail_tokens WHERE user_id = ?`, user.ID).Scan(&rows).Error)
				require.Zero(t, rows, "nothing about the address remains")
			},
		} {
			t.Run(name, func(t *testing.T) {
				h := newFixture(t, db)
				number++
				registration := asha()
				registration.Email = fmt.Sprintf("asha%d@example.com", number)
				user := h.registered(t, registration)
				wanted := h.requested(t, registration.Email)
				sent := h.sent(t, wanted)
				h.clock.Advance(-30 * time.Second) // within the difference between the clocks of two instances
				h.sent(t, wanted)
				h.clock.Advance(30 * time.Second)
				spoil(t, h, user)
				_, err := h.contacts.FindToken(t.Context(), wanted)
				require.ErrorIs(t, err, identity.ErrTokenNotWanted)
				require.ErrorIs(t, h.reset(t.Context(), sent, "a third horse"), identity.ErrInvalidMailToken)
			})
		}
		t.Run("after an older release has changed the password", func(t *testing.T) {
			h := newFixture(t, db)
			registration := asha()
			registration.Email = "old@example.com"
			user := h.registered(t, registration)
			sent := h.sent(t, h.requested(t, registration.Email))
			h.exec(t, `UPDATE users SET password_hash = 'another' WHERE id = ?`, user.ID)
			require.ErrorIs(t, h.reset(t.Context(), sent, "a third horse"), identity.ErrInvalidMailToken)
		})
		t.Run("for another purpose, or changed by a character", func(t *testing.T) {
			h := newFixture(t, db)
			registration := asha()
			registration.Email = "purpose@example.com"
			user := h.registered(t, registration)
			verification := h.sent(t, h.lastWanted(t))
			sent := h.sent(t, h.requested(t, registration.Email))
			require.ErrorIs(t, h.reset(t.Context(), verification, another), identity.ErrInvalidMailToken)
			err := h.addresses.ConfirmVerification(t.Context(), sent, here.Address)
			require.ErrorIs(t, err, identity.ErrInvalidMailToken)
			for i := range sent {
				changed := []byte(sent)
				changed[i] ^= 1
				err := h.reset(t.Context(), string(changed), another)
				require.ErrorIs(t, err, identity.ErrInvalidMailToken, i)
			}
			for _, other := range []string{sent[1:], sent + "A", sent + "\n", " ", strings.Repeat("A", 86), "ä"} {
				require.Equal(t, errs.Invalid, errs.KindOf(h.reset(t.Context(), other, another)), other)
			}
			require.False(t, h.verified(t, user.ID))
			require.NoError(t, h.reset(t.Context(), sent, another))
		})
	})
}

// Of two uses of a token at the same time, one sets the password.
func TestConcurrentUsesOfAToken(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		h.registered(t, asha())
		verification := h.sent(t, h.lastWanted(t))
		sent := h.sent(t, h.requested(t, asha().Email))
		for name, use := range map[string]func(n int) error{
			"reset": func(n int) error { return h.reset(t.Context(), sent, fmt.Sprint("a new password ", n)) },
			"verification": func(int) error {
				return h.addresses.ConfirmVerification(t.Context(), verification, here.Address)
			},
		} {
			results := make([]error, 8)
			var all sync.WaitGroup
			for n := range results {
				all.Go(func() { results[n] = use(n) })
			}
			all.Wait()
			winner := -1
			for n, err := range results {
				if err == nil {
					require.Equal(t, -1, winner, "%s: two uses of one token", name)
					winner = n
				} else {
					require.ErrorIs(t, err, identity.ErrInvalidMailToken)
				}
			}
			require.NotEqual(t, -1, winner, name)
			if name == "reset" {
				require.True(t, h.canSignIn(t, fmt.Sprint("a new password ", winner)))
			}
		}
	})
}

// A state that another transaction has changed is not stored, even without the lock of the account.
func TestOneUseRaisesTheGeneration(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		user := h.registered(t, asha())
		_, before, err := h.states.Find(t.Context(), user.ID)
		require.NoError(t, err)
		after := before.Spend(identity.PasswordReset)
		require.NoError(t, h.states.Save(t.Context(), user.ID, before, after))
		require.Error(t, h.states.Save(t.Context(), user.ID, before, after))
		h.exec(t, `DELETE FROM user_mail_tokens`)
		_, before, err = h.states.Find(t.Context(), user.ID)
		require.NoError(t, err)
		require.Equal(t, domain.MailState{}, before, "a user of an older release")
		require.False(t, h.verified(t, user.ID))
		sent := h.sent(t, h.requested(t, asha().Email))
		h.exec(t, `UPDATE users SET email = 'new@example.com' WHERE id = ?`, user.ID)
		require.ErrorIs(t, h.reset(t.Context(), sent, another), identity.ErrInvalidMailToken, "another address")
		h.exec(t, `UPDATE users SET email = ? WHERE id = ?`, asha().Email, user.ID)
		require.NoError(t, h.reset(t.Context(), sent, another))
		require.True(t, h.verified(t, user.ID))
	})
}

// The result and the events are the same for every address, but for the user that no subscriber may reveal.
func TestResetsOfNobody(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		disabled := h.registered(t, asha())
		h.exec(t, `UPDATE users SET active = ? WHERE id = ?`, false, disabled.ID)
		for _, email := range []string{"nobody@example.com", asha().Email, "not an address"} {
			wanted := h.requested(t, email)
			require.Equal(t, identity.TokenWanted{
				Purpose: identity.PasswordReset, ExpiresAt: now.Add(30 * time.Minute).Truncate(time.Second),
			}, wanted, email)
			_, err := h.contacts.FindToken(t.Context(), wanted)
			require.ErrorIs(t, err, identity.ErrTokenNotWanted)
		}
		require.Equal(t, errs.Invalid, errs.KindOf(h.addresses.RequestReset(t.Context(), " ", here.Address)))
	})
}

func TestVerification(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		user := h.registered(t, asha())
		who := auth.Principal{UserID: user.ID.UUID, Role: auth.Staff}
		atRegistration := h.lastWanted(t)
		require.Equal(t, identity.TokenWanted{
			User: user.ID, Purpose: identity.EmailVerification,
			ExpiresAt: now.Add(24 * time.Hour).Truncate(time.Second),
		}, atRegistration)
		first := h.sent(t, atRegistration)
		own := func() bool {
			account, err := h.Own(t.Context(), who)
			require.NoError(t, err)
			require.Equal(t, h.stored(t, user), account.User)
			return account.Verified
		}
		confirm := func(token string) error {
			return h.addresses.ConfirmVerification(t.Context(), token, here.Address)
		}

		require.False(t, own())
		h.clock.Advance(24*time.Hour - time.Second)
		require.NoError(t, h.addresses.RequestVerification(t.Context(), who, here.Address))
		second := h.sent(t, h.lastWanted(t))
		require.NotEqual(t, first, second)
		require.NoError(t, confirm(first))
		require.True(t, own())
		require.True(t, h.verified(t, user.ID))
		require.Equal(t, user.Version, h.stored(t, user).Version)
		for _, used := range []string{first, second} {
			require.ErrorIs(t, confirm(used), identity.ErrInvalidMailToken)
		}
		recorded := h.trail.Recorded()
		require.Equal(t, audit.Refused, recorded[len(recorded)-1].Entry.Action)
		require.Equal(t, []string{"email_verified"}, recorded[len(recorded)-3].Entry.Fields)

		t.Run("is not requested again", func(t *testing.T) {
			before := len(h.published.wanted)
			require.NoError(t, h.addresses.RequestVerification(t.Context(), who, here.Address))
			require.Len(t, h.published.wanted, before)
			_, err := h.contacts.FindToken(t.Context(), identity.TokenWanted{
				User: user.ID, Purpose: identity.EmailVerification, Generation: 1,
				ExpiresAt: h.clock.Now().Add(time.Hour),
			})
			require.ErrorIs(t, err, identity.ErrTokenNotWanted)
		})
		t.Run("ends when an older release changes the address", func(t *testing.T) {
			h.exec(t, `UPDATE users SET email = 'new@example.com', mailbox = 'new@example.com' WHERE id = ?`, user.ID)
			require.False(t, own())
			require.NoError(t, h.addresses.RequestVerification(t.Context(), who, here.Address))
			wanted := h.lastWanted(t)
			require.EqualValues(t, 2, wanted.Generation)
			require.NoError(t, confirm(h.sent(t, wanted)))
			require.True(t, own())
			h.exec(t, `UPDATE users SET email = ? WHERE id = ?`, asha().Email, user.ID)
			require.False(t, own(), "a former address")
		})
		t.Run("is unauthenticated for an account that was removed", func(t *testing.T) {
			gone := auth.Principal{UserID: uuid.New()}
			err := h.addresses.RequestVerification(t.Context(), gone, here.Address)
			require.ErrorIs(t, err, auth.ErrInvalidToken)
			_, err = h.Own(t.Context(), gone)
			require.ErrorIs(t, err, auth.ErrInvalidToken)
		})
		t.Run("is done by an operator, which ends the tokens", func(t *testing.T) {
			other := h.registered(t, domain.Registration{Name: "O", Email: "o@example.com", Password: secret})
			sent := h.sent(t, h.lastWanted(t))
			user, err := h.Verify(t.Context(), auth.Operator, other.ID)
			require.NoError(t, err)
			require.Equal(t, other, user)
			require.True(t, h.verified(t, other.ID))
			require.ErrorIs(t, confirm(sent), identity.ErrInvalidMailToken)
			_, err = h.Verify(t.Context(), auth.Operator, identity.UserID{UUID: uuid.New()})
			require.ErrorIs(t, err, identity.ErrUserNotFound)
		})
		t.Run("is wanted for accounts that an administrator adds", func(t *testing.T) {
			added, err := h.Add(t.Context(), auth.Operator,
				domain.Registration{Name: "A", Email: "added@example.com", Password: secret}, auth.Staff)
			require.NoError(t, err)
			require.Equal(t, added.ID, h.lastWanted(t).User)
			require.False(t, h.verified(t, added.ID))
		})
	})
}

// A mailbox gets at most five messages in an hour, from wherever they are requested and however it is spelled.
func TestMailboxesAreNotFlooded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		user := h.registered(t, asha()) // the first message
		who := auth.Principal{UserID: user.ID.UUID, Role: auth.Staff}
		sent := 1
		for minute := range 60 {
			email := []string{"asha.rao@example.com", "Asha.Rao@EXAMPLE.com", "ａsha.rao@example.com"}[minute%3]
			require.NoError(t, h.addresses.RequestReset(t.Context(), email, network(minute).Address))
			if h.lastWanted(t).User == user.ID {
				sent++
			} else {
				require.Zero(t, h.lastWanted(t).User)
			}
			before := len(h.published.wanted)
			require.NoError(t, h.addresses.RequestVerification(t.Context(), who, network(minute).Address))
			sent += len(h.published.wanted) - before
			h.clock.Advance(time.Minute)
		}
		require.LessOrEqual(t, sent, 5)
		require.GreaterOrEqual(t, sent, 3)
		h.clock.Advance(2 * time.Hour)
		require.Equal(t, user.ID, h.requested(t, asha().Email).User)
	})
}

// Requests and invalid tokens of a network are limited together.
func TestNetworksAreLimited(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db, func(cfg *identity.Config) { cfg.RegistrationsPerHour = 4 })
		user := h.registered(t, asha())
		valid := h.sent(t, h.lastWanted(t))
		guess := func(from app.From) error {
			return h.addresses.ConfirmVerification(t.Context(), strings.Repeat("A", 86), from.Address)
		}
		request := func(from app.From) error {
			return h.addresses.RequestReset(t.Context(), "nobody@example.com", from.Address)
		}
		for range 2 {
			require.ErrorIs(t, guess(here), identity.ErrInvalidMailToken)
			require.NoError(t, request(here))
		}
		hashed := h.passwords.hashed.Load()
		for _, err := range []error{
			guess(here), request(here), h.reset(t.Context(), valid, another),
			h.addresses.ConfirmVerification(t.Context(), valid, here.Address),
			h.addresses.RequestVerification(t.Context(), auth.Principal{UserID: user.ID.UUID}, here.Address),
		} {
			var refused *errs.Error
			require.ErrorAs(t, err, &refused)
			require.ErrorIs(t, refused, domain.ErrTooManyMails)
			require.Equal(t, 15*time.Minute, refused.RetryAfter)
		}
		require.Equal(t, hashed, h.passwords.hashed.Load())
		require.NoError(t, request(network(1)))
		h.clock.Advance(15 * time.Minute)
		require.NoError(t, h.addresses.ConfirmVerification(t.Context(), valid, here.Address))
		require.NoError(t, request(here))
	})
}

// A token of the previous secret is valid after a rotation, one of an unknown secret is not.
func TestTokensAfterARotation(t *testing.T) {
	t.Parallel()
	old, next := []byte("a secret of 32 bytes, or of more"), []byte("the next secret of 32 bytes or so")
	user := domain.User{ID: identity.UserID{UUID: uuid.New()}, Email: "a@example.com", PasswordHash: "hash"}
	made := func(newest []byte, previous ...[]byte) (issue func() string, verify func(string) bool) {
		ring, err := keyring.New(newest, previous...)
		require.NoError(t, err)
		tokens, err := token.NewMail(ring)
		require.NoError(t, err)
		claims, _ := tokens.ReadMail(strings.Repeat("A", 86))
		return func() string { return tokens.IssueMail(identity.PasswordReset, user, claims).Reveal() },
			func(s string) bool { return tokens.VerifyMail(s, identity.PasswordReset, user) }
	}
	issueOld, verifyOld := made(old)
	issueNext, verifyNext := made(next, old)
	require.True(t, verifyNext(issueOld()))
	require.True(t, verifyNext(issueNext()))
	require.False(t, verifyOld(issueNext()))
	_, verifyLater := made(next)
	require.False(t, verifyLater(issueOld()))
	_, err := token.NewMail(keyring.Ring{})
	require.ErrorIs(t, err, keyring.ErrNone)
}

func TestContacts(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		user := h.registered(t, asha())
		disabled := h.registered(t, domain.Registration{Name: "D", Email: "d@example.com", Password: secret})
		h.exec(t, `UPDATE users SET active = ? WHERE id = ?`, false, disabled.ID)
		closed, _ := h.signedInAs(t, "closed@example.com")
		h.patients(t, closed, 101)
		_, err := h.Leave(t.Context(), closed, revision.Match{}, secret, true, here)
		require.NoError(t, err)
		contacts, err := h.contacts.FindContacts(t.Context(),
			[]identity.UserID{user.ID, disabled.ID, {UUID: closed.UserID}, {UUID: uuid.New()}, {}})
		require.NoError(t, err)
		require.Equal(t, map[identity.UserID]identity.Contact{
			user.ID: {Email: asha().Email, Active: true}, disabled.ID: {Email: "d@example.com"},
		}, contacts)

		var admins []identity.UserID
		for i := range 4 {
			h.clock.Advance(time.Second)
			admin, err := h.Add(t.Context(), auth.Operator, domain.Registration{
				Name: "A", Email: fmt.Sprintf("admin%d@example.com", i), Password: secret}, auth.Admin)
			require.NoError(t, err)
			admins = append(admins, admin.ID)
		}
		h.exec(t, `UPDATE users SET active = ? WHERE id = ?`, false, admins[1])
		for limit, want := range map[int][]identity.UserID{
			1: {admins[0]}, 2: {admins[0], admins[2]}, 9: {admins[0], admins[2], admins[3]},
		} {
			found, err := h.contacts.Administrators(t.Context(), limit)
			require.NoError(t, err)
			require.Equal(t, want, found)
		}
	})
}

func TestPasswordChangesArePublished(t *testing.T) {
	t.Parallel()
	h := newFixture(t, databasetest.SQLite(t))
	user := h.registered(t, asha())
	who := auth.Principal{UserID: user.ID.UUID, Role: auth.Staff}
	change := domain.PasswordChange{Current: secret, New: another}
	require.NoError(t, h.ChangePassword(t.Context(), who, change, here))
	_, err := h.ResetPassword(t.Context(), auth.Operator, user.ID, secret)
	require.NoError(t, err)
	want := []identity.PasswordChanged{{User: user.ID, By: who}, {User: user.ID, By: auth.Operator}}
	require.Equal(t, want, h.published.changed)
}

// A token is never printed.
func TestTokensAreHidden(t *testing.T) {
	t.Parallel()
	made := identity.MailToken{Secret: "canary", ExpiresAt: now}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		require.NotContains(t, fmt.Sprintf(format, made), "canary", format)
		require.NotContains(t, fmt.Sprintf(format, made.Secret), "canary", format)
		require.NotContains(t, fmt.Sprintf(format, made), "63616e617279", format)
	}
	text, err := made.Secret.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "[redacted]", string(text))
	require.NotContains(t, errors.New(made.Secret.String()).Error(), "canary")
}
