package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
)

func TestRoles(t *testing.T) {
	t.Run("have the declared names", func(t *testing.T) {
		roles, err := auth.NewRoles(auth.Declaration{Role: auth.Staff}, auth.Declaration{Role: auth.Admin})
		require.NoError(t, err)
		require.Equal(t, []auth.Role{auth.Admin, auth.Staff}, roles.Names())
	})
	t.Run("cannot be declared twice", func(t *testing.T) {
		_, err := auth.NewRoles(auth.Declaration{Role: auth.Staff}, auth.Declaration{Role: auth.Staff})
		require.ErrorContains(t, err, "staff is declared twice")
	})
	t.Run("have names that fit the contract and the store", func(t *testing.T) {
		for _, name := range []auth.Role{
			"", "Admin", "two words", "a-b", "_x", "public!", "abcdefghijklmnopqrstuvwxyzabcdefg",
		} {
			_, err := auth.NewRoles(auth.Declaration{Role: name})
			require.Error(t, err, name)
		}
	})
}

func TestAccess(t *testing.T) {
	parsed := func(value any) auth.Access {
		access, err := auth.ParseAccess(value)
		require.NoError(t, err)
		return access
	}
	t.Run("allows nothing by default", func(t *testing.T) {
		require.False(t, auth.Access{}.Allows(auth.Admin))
		require.False(t, auth.Access{}.IsPublic())
	})
	t.Run("allows only the roles that are named", func(t *testing.T) {
		access := parsed([]any{"admin"})
		require.True(t, access.Allows(auth.Admin))
		require.False(t, access.Allows(auth.Staff))
		require.False(t, access.Allows(""))
		require.False(t, access.IsPublic())
		require.Equal(t, []auth.Role{auth.Admin}, access.Roles())
	})
	t.Run("allows every role for authenticated users, but is not public", func(t *testing.T) {
		access := parsed("authenticated")
		require.True(t, access.Allows("undeclared"))
		require.False(t, access.IsPublic())
		require.Empty(t, access.Roles())
	})
	t.Run("is public for all", func(t *testing.T) { require.True(t, parsed("public").IsPublic()) })
	t.Run("rejects every other value", func(t *testing.T) {
		for _, value := range []any{
			nil, "", "Public", "admin", true, 7,
			[]any{}, []any{"admin", nil}, []any{"Admin"}, map[string]any{"admin": true},
		} {
			_, err := auth.ParseAccess(value)
			require.Error(t, err, "%v", value)
		}
	})
}
