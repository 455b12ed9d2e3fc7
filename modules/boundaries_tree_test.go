package modules_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree is a repository: all its files except those of hidden and testdata folders. Paths are slash-separated and begin
// at its root.
type tree struct {
	fs    fs.FS
	paths []string
	files []file // the Go files
}

// file is a parsed Go file.
type file struct {
	path string
	place
	test    bool // a *_test.go, or part of a *test package: it may import more
	imports []imported
	syntax  *ast.File
	tokens  *token.FileSet
}

type imported struct {
	path  string
	blank bool // import _
	ours  bool // in this repository; only then it has a place
	place
	line int
}

// place locates a package. In a module, layer is root, fx, test, domain, ports, app or adapters/<name>; outside of a
// module it is the folder.
type place struct{ module, layer string }

const modulePath = "healthcare/"

func readTree(t *testing.T, root fs.FS) tree {
	t.Helper()
	read := tree{fs: root}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (entry.Name()[0] == '.' || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		read.paths = append(read.paths, name)
		if path.Ext(name) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parse(name, source)
		read.files = append(read.files, parsed)
		return err
	})
	require.NoError(t, err)
	return read
}

func parse(name string, source []byte) (file, error) {
	tokens := token.NewFileSet()
	syntax, err := parser.ParseFile(tokens, name, source, parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	f := file{path: name, place: placeOf(path.Dir(name)), syntax: syntax, tokens: tokens}
	f.test = strings.HasSuffix(name, "_test.go") || f.isTestPackage()
	for _, spec := range syntax.Imports {
		i := imported{path: unquoted(spec.Path), line: f.line(spec), blank: spec.Name != nil && spec.Name.Name == "_"}
		if folder, ours := strings.CutPrefix(i.path, modulePath); ours {
			i.ours, i.place = true, placeOf(folder)
		}
		f.imports = append(f.imports, i)
	}
	return f, nil
}

func placeOf(folder string) place {
	parts := strings.Split(folder, "/")
	if parts[0] != "modules" || len(parts) == 1 {
		return place{layer: folder}
	}
	module, inside := parts[1], parts[2:]
	switch {
	case len(inside) == 0:
		return place{module, "root"}
	case inside[0] == module+"fx":
		return place{module, "fx"}
	case inside[0] == module+"test":
		return place{module, "test"}
	case inside[0] != "internal" || len(inside) == 1:
		return place{module, inside[0]}
	case inside[1] == "adapters" && len(inside) > 2:
		return place{module, "adapters/" + inside[2]}
	}
	return place{module, inside[1]}
}

// harnessFolder runs the whole service for the tests of cmd.
const harnessFolder = "cmd/internal/harness"

// isTestPackage reports whether only tests may import the package: a *test package, or the harness.
func (p place) isTestPackage() bool {
	if p.module != "" {
		return p.layer == "test"
	}
	return strings.HasSuffix(p.layer, "test") || p.layer == harnessFolder
}

// std reports whether the import is of the standard library: the first element of other paths contains a dot.
func (i imported) std() bool {
	first, _, _ := strings.Cut(i.path, "/")
	return !i.ours && !strings.Contains(first, ".")
}

func (f file) line(at ast.Node) int { return f.tokens.Position(at.Pos()).Line }

func (f file) violation(at ast.Node, format string, args ...any) violation {
	return violation{f.path, f.line(at), fmt.Sprintf(format, args...)}
}

// reject returns a violation for each import of f for which wrong returns a reason.
func (f file) reject(wrong func(imported) string) []violation {
	var found []violation
	for _, i := range f.imports {
		if reason := wrong(i); reason != "" {
			found = append(found, violation{f.path, i.line, reason})
		}
	}
	return found
}

// eachIn visits every node of one type, in source order.
func eachIn[N ast.Node](files []file, visit func(file, N)) {
	for _, f := range files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if wanted, is := n.(N); is {
				visit(f, wanted)
			}
			return true
		})
	}
}

// unquoted returns the value of a string literal.
func unquoted(literal *ast.BasicLit) string {
	value, _ := strconv.Unquote(literal.Value) // the parser has checked it
	return value
}

// modules returns the name of every folder in modules/, sorted.
func (t tree) modules() []string {
	var names []string
	for _, p := range t.paths {
		if parts := strings.Split(p, "/"); parts[0] == "modules" && len(parts) > 2 {
			names = append(names, parts[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// stores returns each adapters/store package without its tests.
func (t tree) stores() map[string][]file {
	packages := map[string][]file{}
	for _, f := range t.files {
		if f.layer == "adapters/store" && !f.test {
			packages[path.Dir(f.path)] = append(packages[path.Dir(f.path)], f)
		}
	}
	return packages
}
