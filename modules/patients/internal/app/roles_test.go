package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"healthcare/modules/patients"
	"healthcare/platform/auth"
)

// TestRoles compares the rules about roles with x-access in the contract, which the server enforces.
func TestRoles(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("..", "adapters", "rest", "openapi.yaml"))
	require.NoError(t, err)
	type operation struct {
		Access []auth.Role `yaml:"x-access"`
	}
	var contract struct {
		Paths map[string]struct{ Get, Post operation }
	}
	require.NoError(t, yaml.Unmarshal(document, &contract))
	require.ElementsMatch(t, keepers, contract.Paths["/api/patients/"].Post.Access)
	readers := contract.Paths["/api/patients/{id}/"].Get.Access
	require.NotEmpty(t, readers)
	for _, role := range readers {
		require.True(t, mayRead(role), role)
	}
	require.Len(t, readers, len(keepers)+1)
	require.False(t, mayRead(patients.PrivacyRole))
}
