package modules_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/audit"
	"healthcare/platform/auth"
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
	made, err := contract.New("test", repository.declaredRoles(t), documents...)
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

// declaredRoles returns the roles of the auth.Declaration literals in the modules' fx packages.
func (t tree) declaredRoles(test *testing.T) auth.Roles {
	test.Helper()
	constants := map[string]auth.Role{"Staff": auth.Staff, "Admin": auth.Admin}
	roles := auth.Roles{}
	for _, f := range t.files {
		if f.layer != "fx" || f.test {
			continue
		}
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok || !isSelected(literal.Type, "auth", "Declaration") {
				return true
			}
			for _, element := range literal.Elts {
				member, ok := element.(*ast.KeyValueExpr)
				if name, isName := member.Key.(*ast.Ident); !ok || !isName || name.Name != "Role" {
					continue
				}
				switch value := member.Value.(type) {
				case *ast.BasicLit:
					role := auth.Role(unquoted(value))
					roles[role] = auth.Declaration{Role: role}
				case *ast.SelectorExpr:
					role, known := constants[value.Sel.Name]
					require.True(test, known, "%s: auth.%s", f.path, value.Sel.Name)
					roles[role] = auth.Declaration{Role: role}
				}
			}
			return true
		})
	}
	require.NotEmpty(test, roles)
	return roles
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
