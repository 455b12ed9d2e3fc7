package modules_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/audit"
	"healthcare/platform/contract"
)

// TestContracts merges the modules' documents as the program does at its start. A typo in x-access, x-audit, a role
// or an example therefore fails here, in a second. So does a resource of the audit trail that a module's code names and
// no document declares.
func TestContracts(t *testing.T) {
	repository := readTree(t, os.DirFS(".."))
	paths, err := filepath.Glob(filepath.Join("*", "internal", "adapters", "rest", "openapi.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var documents [][]byte
	for _, name := range paths {
		document, err := os.ReadFile(name)
		require.NoError(t, err)
		documents = append(documents, document)
	}
	made, err := contract.New("test", documents...)
	require.NoError(t, err)
	require.Contains(t, made.Resources, audit.Patient)
	named := 0
	for _, f := range repository.files {
		if f.module == "" || f.test {
			continue
		}
		for _, resource := range f.resources() {
			require.Contains(t, made.Resources, resource, f.path)
			named++
		}
	}
	require.Equal(t, len(made.Resources)-1, named, "each resource but Patient is a constant of its module")
}

// resources returns the values of the file's constants of the type audit.Resource.
func (f file) resources() (all []audit.Resource) {
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || spec.Type == nil || !isSelected(spec.Type, "audit", "Resource") {
			return true
		}
		for _, value := range spec.Values {
			if literal, ok := value.(*ast.BasicLit); ok {
				all = append(all, audit.Resource(strings.Trim(literal.Value, `"`)))
			}
		}
		return true
	})
	return all
}
