package composition

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

// TestEveryConfigurationKeyIsRead checks that the program reads every field of config.Config as cfg.Field, or by a
// method of Config that it calls. Without it, a key without effect is accepted.
func TestEveryConfigurationKeyIsRead(t *testing.T) {
	t.Parallel()
	read := selectors(t, "cfg", ".", "../../healthcare")[""]
	methods := selectors(t, "c", "../../../platform/config")
	for known := 0; known != len(read); { // methods call methods
		known = len(read)
		for method, names := range methods {
			if read[method] {
				maps.Copy(read, names)
			}
		}
	}
	for field := range reflect.TypeFor[config.Config]().Fields() {
		require.True(t, read[field.Name], "%s is declared but not read", field.Name)
	}
}

// selectors returns the names X of all expressions variable.X in the folders' sources, by the method of Config that has
// them. Those in other functions are below "".
func selectors(t *testing.T, variable string, folders ...string) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{"": {}}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, declaration := range parsed.Decls {
				method := methodOfConfig(declaration)
				if all[method] == nil {
					all[method] = map[string]bool{}
				}
				ast.Inspect(declaration, func(node ast.Node) bool {
					selector, ok := node.(*ast.SelectorExpr)
					if !ok {
						return true
					}
					if of, ok := selector.X.(*ast.Ident); ok && of.Name == variable {
						all[method][selector.Sel.Name] = true
					}
					return true
				})
			}
		}
	}
	return all
}

// methodOfConfig returns the name of a method of Config or *Config, else "".
func methodOfConfig(declaration ast.Decl) string {
	function, ok := declaration.(*ast.FuncDecl)
	if !ok || function.Recv == nil {
		return ""
	}
	receiver := function.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	if name, ok := receiver.(*ast.Ident); ok && name.Name == "Config" {
		return function.Name.Name
	}
	return ""
}
