package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
)

func TestRoles(t *testing.T) {
	t.Run("are those that are declared", func(t *testing.T) {
		roles, err := auth.NewRoles(auth.Declaration{Role: auth.Staff}, auth.Declaration{Role: auth.Admin})
		require.NoError(t, err)
		require.Equal(t, []auth.Role{auth.Admin, auth.Staff}, roles.Names())
	})
	t.Run("are not declared twice", func(t *testing.T) {
		_, err := auth.NewRoles(auth.Declaration{Role: auth.Staff}, auth.Declaration{Role: auth.Staff})
		require.ErrorContains(t, err, "staff is declared twice")
	})
	t.Run("have names that fit the contract and the store", func(t *testing.T) {
		for _, name := range []auth.Role{"", "Admin", "two words", "a-b", "_x", "public!", "abcdefghijklmnopqrstuvwxyzabcdefg"} {
			_, err := auth.NewRoles(auth.Declaration{Role: name})
			require.Error(t, err, name)
		}
	})
}

func TestAccess(t *testing.T) {
	parsed := func(said any) auth.Access {
		access, err := auth.ParseAccess(said)
		require.NoError(t, err)
		return access
	}
	t.Run("to nothing is the default", func(t *testing.T) {
		require.False(t, auth.Access{}.Allows(auth.Admin))
		require.False(t, auth.Access{}.IsPublic())
	})
	t.Run("for some roles is not for others, nor for none", func(t *testing.T) {
		access := parsed([]any{"admin"})
		require.True(t, access.Allows(auth.Admin))
		require.False(t, access.Allows(auth.Staff))
		require.False(t, access.Allows(""))
		require.False(t, access.IsPublic())
		require.Equal(t, []auth.Role{auth.Admin}, access.Roles())
	})
	t.Run("for the signed-in is for any role, but not public", func(t *testing.T) {
		access := parsed("authenticated")
		require.True(t, access.Allows("declared_by_nobody"))
		require.False(t, access.IsPublic())
		require.Empty(t, access.Roles())
	})
	t.Run("for all is public", func(t *testing.T) { require.True(t, parsed("public").IsPublic()) })
	t.Run("is not read from anything else", func(t *testing.T) {
		for _, said := range []any{nil, "", "Public", "admin", true, 7, []any{}, []any{"admin", nil}, []any{"Admin"}, map[string]any{"admin": true}} {
			_, err := auth.ParseAccess(said)
			require.Error(t, err, "%v", said)
		}
	})
}
