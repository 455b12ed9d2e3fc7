package auth_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
)

func TestRoles(t *testing.T) {
	t.Run("have names that fit the contract and the store", func(t *testing.T) {
		require.True(t, auth.Staff.Valid())
		require.True(t, auth.Role("a_b").Valid())
		for _, name := range []auth.Role{
			"", "Admin", "two words", "a-b", "_x", "public!", "abcdefghijklmnopqrstuvwxyzabcdefg",
		} {
			require.False(t, name.Valid(), name)
		}
	})
	refused := errors.New("refused")
	doctor := auth.Requirement{Role: "doctor", Fits: func(context.Context, uuid.UUID) error { return refused }}
	t.Run("have the requirements that are added to them", func(t *testing.T) {
		roles := auth.Roles{auth.Staff: {}, "doctor": {Description: "Treats patients."}}
		require.NoError(t, roles.Require(doctor))
		require.Nil(t, roles[auth.Staff].Fits)
		require.ErrorIs(t, roles["doctor"].Fits(t.Context(), uuid.Nil), refused)
		require.Equal(t, "Treats patients.", roles["doctor"].Description)
	})
	t.Run("have no requirement without a declaration, and no two", func(t *testing.T) {
		require.ErrorContains(t, auth.Roles{auth.Staff: {}}.Require(doctor), "doctor has a requirement and is not")
		require.ErrorContains(t, auth.Roles{"doctor": {}}.Require(doctor, doctor), "doctor has two requirements")
	})
	t.Run("are listed in alphabetical order", func(t *testing.T) {
		require.Equal(t, "admin, staff", auth.Roles{auth.Staff: {}, auth.Admin: {}}.String())
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
	t.Run("authenticated allows every role, but is not public", func(t *testing.T) {
		access := parsed("authenticated")
		require.True(t, access.Allows("undeclared"))
		require.False(t, access.IsPublic())
		require.Empty(t, access.Roles())
	})
	t.Run("public is public", func(t *testing.T) { require.True(t, parsed("public").IsPublic()) })
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
