package app_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/password"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	h := newFixture(t, databasetest.SQLite(t))
	user := h.registered(t, asha())

	t.Run("returns the stored user, with the address as registered", func(t *testing.T) {
		require.Equal(t, user, h.stored(t, user))
		require.Equal(t, "Asha.Rao@Example.com", user.Email)
		require.Equal(t, "asha.rao", user.Username)
		require.Equal(t, now, user.CreatedAt)
		require.True(t, user.Active)
	})
	t.Run("stores a hash instead of the password", func(t *testing.T) {
		require.True(t, strings.HasPrefix(user.PasswordHash, "$argon2id$"))
		require.NotContains(t, user.PasswordHash, secret)
	})
	t.Run("lets the user sign in with the address in any letter case", func(t *testing.T) {
		for _, email := range []string{"Asha.Rao@Example.com", "asha.rao@example.com", " ASHA.RAO@EXAMPLE.COM "} {
			_, err := h.SignIn(t.Context(), domain.Credentials{Email: email, Password: secret}, here)
			require.NoError(t, err)
		}
	})
	t.Run("rejects an address with an account, in any letter case, without a hash", func(t *testing.T) {
		before := h.passwords.hashed.Load()
		for _, email := range []string{"Asha.Rao@Example.com", "ASHA.RAO@EXAMPLE.COM", "\tasha.rao@example.com "} {
			_, err := h.Register(t.Context(), domain.Registration{Name: "Another", Email: email,
				Password: "another password"})
			require.ErrorIs(t, err, identity.ErrEmailTaken)
		}
		require.Equal(t, before, h.passwords.hashed.Load())
		require.Equal(t, user, h.stored(t, user))
	})
	t.Run("makes the username unique for the same local part", func(t *testing.T) {
		seen := map[string]bool{user.Username: true}
		for _, domainPart := range []string{"@example.org", "@example.net", "@EXAMPLE.EDU"} {
			other := h.registered(t, domain.Registration{Name: "Other", Email: "asha.rao" + domainPart,
				Password: secret})
			require.True(t, strings.HasPrefix(other.Username, "asha.rao-"), other.Username)
			require.False(t, seen[other.Username])
			seen[other.Username] = true
			require.Equal(t, other, h.stored(t, other))
		}
	})
	t.Run("reports all invalid fields at once, without a hash", func(t *testing.T) {
		before := h.passwords.hashed.Load()
		_, err := h.Register(t.Context(), domain.Registration{Name: " ", Email: "nobody", Password: "short"})
		var invalid *errs.Error
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, errs.Invalid, invalid.Kind)
		for _, field := range []string{"name", "email", "password"} {
			require.Contains(t, invalid.Fields, field)
		}
		require.Equal(t, before, h.passwords.hashed.Load())
	})
	t.Run("stores no user if the password hasher is busy", func(t *testing.T) {
		h.passwords.busy = password.ErrBusy
		defer func() { h.passwords.busy = nil }()
		_, err := h.Register(t.Context(), domain.Registration{Name: "B", Email: "b@example.com", Password: secret})
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
		_, err = h.users.FindByAddress(t.Context(), "b@example.com")
		require.ErrorIs(t, err, ports.ErrNotFound)
	})
}

// TestConcurrentRegistrations verifies R-31: an address in mixed case gets one account; the other attempts get
// ErrEmailTaken.
func TestConcurrentRegistrations(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(t, db)
		results := make([]error, 20)
		var all sync.WaitGroup
		for i := range results {
			registration := asha()
			registration.Email = []string{"asha@example.com", "Asha@Example.com", "ASHA@EXAMPLE.COM"}[i%3]
			all.Go(func() { _, results[i] = h.Register(t.Context(), registration) })
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
