package store_test

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
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/errs"
)

func TestUsers(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, _ ports.Sessions) {
		ctx := t.Context()
		user := added(t, users, asha("Asha.Rao@Example.com", "asha.rao"))

		t.Run("Find returns the stored user, with times in UTC to the microsecond", func(t *testing.T) {
			require.Equal(t, user, found(t, users, user.ID))
		})
		t.Run("Find returns an inactive user", func(t *testing.T) {
			inactive := asha("inactive@example.com", "inactive")
			inactive.Active, inactive.TokenVersion = false, 0
			require.Equal(t, inactive, found(t, users, added(t, users, inactive).ID))
		})
		t.Run("FindByAddress ignores letter case and spaces", func(t *testing.T) {
			byMailbox, err := users.FindByAddress(ctx, " ASHA.rao@EXAMPLE.com")
			require.NoError(t, err)
			require.Equal(t, user, byMailbox)
		})
		t.Run("an unknown user is not found", func(t *testing.T) {
			for _, mailbox := range []string{"nobody@example.com", "asha%@example.com", "%", "", "' OR 1=1 --"} {
				user, err := users.FindByAddress(ctx, mailbox)
				require.ErrorIs(t, err, ports.ErrNotFound)
				require.Zero(t, user)
			}
			for _, id := range []identity.UserID{{UUID: uuid.Must(uuid.NewV7())}, {}} {
				_, err := users.Find(ctx, id)
				require.ErrorIs(t, err, ports.ErrNotFound)
			}
		})
		t.Run("a mailbox has one account in any letter case", func(t *testing.T) {
			require.ErrorIs(t, users.Add(ctx, asha("ASHA.RAO@example.com", "another")), identity.ErrEmailTaken)
		})
		t.Run("a taken username returns an error, and the transaction stays usable", func(t *testing.T) {
			second := asha("asha.rao@example.org", "asha.rao")
			require.NoError(t, db.Do(ctx, func(ctx context.Context) error {
				require.ErrorIs(t, users.Add(ctx, second), ports.ErrUsernameTaken)
				second.Username += "-2"
				return users.Add(ctx, second)
			}))
			require.Equal(t, second, found(t, users, second.ID))
			require.Equal(t, user, found(t, users, user.ID), "the first user is unchanged")
		})
		t.Run("if mailbox and username are both taken, one error is returned and nothing is stored",
			func(t *testing.T) {
				both := asha("asha.rao@example.com", "asha.rao")
				err := users.Add(ctx, both)
				require.True(t, errors.Is(err, identity.ErrEmailTaken) || errors.Is(err, ports.ErrUsernameTaken), "%v",
					err)
				_, err = users.Find(ctx, both.ID)
				require.ErrorIs(t, err, ports.ErrNotFound)
			})
	})
}

// TestOneMailbox verifies R-31, at the store.
func TestOneMailbox(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, _ ports.Sessions) {
		results := make([]error, 20)
		var all sync.WaitGroup
		for i := range results {
			email := []string{"one@bücher.example", "One@Bücher.example", "ONE@xn--bcher-kva.example.",
				"ｏne@bu\u0308cher.example"}[i%4]
			all.Go(func() { results[i] = users.Add(t.Context(), asha(email, fmt.Sprint("user", i))) })
		}
		all.Wait()
		accounts := 0
		for _, err := range results {
			if err == nil {
				accounts++
			} else {
				require.ErrorIs(t, err, identity.ErrEmailTaken)
			}
		}
		require.Equal(t, 1, accounts)
	})
}

// The second transaction begins before the first commits, so that only the unique index can decide.
func TestOneMailboxInTwoTransactions(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, _ ports.Sessions) {
		added, second := make(chan struct{}), make(chan error, 1)
		go func() {
			<-added
			second <- users.Add(t.Context(), asha("zoë@xn--bcher-kva.example", "second"))
		}()
		require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
			if err := users.Add(ctx, asha("zoë@bücher.example", "first")); err != nil {
				return err
			}
			close(added)
			time.Sleep(300 * time.Millisecond) // until the second waits
			return nil
		}))
		require.ErrorIs(t, <-second, identity.ErrEmailTaken)
	})
}

func TestSetPasswordHash(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, _ ports.Sessions) {
		ctx := t.Context()
		user, other := added(t, users, asha("a@example.com", "a")), added(t, users, asha("b@example.com", "b"))
		t.Run("changes only the hash of the user", func(t *testing.T) {
			require.NoError(t, users.SetPasswordHash(ctx, user.ID, user.PasswordHash, "$argon2id$second"))
			user.PasswordHash = "$argon2id$second"
			require.Equal(t, user, found(t, users, user.ID))
			require.Equal(t, other, found(t, users, other.ID))
		})
		t.Run("does not replace a hash that has changed since", func(t *testing.T) {
			require.NoError(t, users.SetPasswordHash(ctx, user.ID, "$argon2id$first", "$argon2id$third"))
			require.Equal(t, user, found(t, users, user.ID))
		})
		t.Run("ignores an unknown user", func(t *testing.T) {
			require.NoError(t, users.SetPasswordHash(ctx, identity.UserID{}, other.PasswordHash, "$argon2id$third"))
			require.Equal(t, other, found(t, users, other.ID))
		})
	})
}

// TestX15_ErrorsContainNoUserData verifies X14 and X15: both engines reject the same values, and their errors contain
// no data of a user.
func TestX15_ErrorsContainNoUserData(t *testing.T) {
	const canary = "canary-7d1f"
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, _ ports.Sessions) {
		first := added(t, users, asha(canary+"@example.com", canary))
		for name, c := range map[string]struct {
			change func(*domain.User)
			kind   errs.Kind
		}{
			"a name that is too long": {func(u *domain.User) { u.Name = strings.Repeat(canary, 30) }, errs.Invalid},
			"an address that is too long": {func(u *domain.User) { u.Email = strings.Repeat(canary, 30) },
				errs.Invalid},
			"a username that is too long": {func(u *domain.User) { u.Username = strings.Repeat(canary, 30) },
				errs.Invalid},
			"a username that is empty": {func(u *domain.User) { u.Username = "" }, errs.Invalid},
			"a name with NUL":          {func(u *domain.User) { u.Name = canary + "\x00" }, errs.Invalid},
			"a name that is not UTF-8": {func(u *domain.User) { u.Name = canary + "\xff" }, errs.Invalid},
			"a zero time":              {func(u *domain.User) { u.CreatedAt = time.Time{} }, errs.Invalid},
			"an id that is in use":     {func(u *domain.User) { u.ID = first.ID }, errs.Conflict},
			"an address that is taken": {func(u *domain.User) { u.Email = first.Email }, errs.Conflict},
		} {
			t.Run(name+" is rejected without user data in the error", func(t *testing.T) {
				user := asha(canary+"2@example.com", canary+"2")
				user.Name, user.PasswordHash = canary, canary
				c.change(&user)
				err := users.Add(t.Context(), user)
				require.Equal(t, c.kind, errs.KindOf(err), "%v", err)
				for ; err != nil; err = errors.Unwrap(err) {
					require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), canary)
				}
			})
		}
		t.Run("a look-up of a mailbox with NUL is rejected", func(t *testing.T) {
			_, err := users.FindByAddress(t.Context(), canary+"\x00@example.com")
			require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
			require.NotContains(t, err.Error(), canary)
		})
	})
}
