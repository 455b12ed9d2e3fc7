// Package modules_test checks the rules of modules/README.md that the Go compiler cannot check. It only parses, so it
// takes milliseconds.
//
// To add a rule, write a function that returns its violations and add it to rules. Put a small repository that violates
// every clause into testdata/boundaries/<number>-<name>/, with a want.txt that lists exactly the violations. Code that
// is allowed belongs in testdata/boundaries/clean/, in which no rule may find a violation.
package modules_test

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var rules = []rule{
	{1, "a module imports only the roots that the context map allows", checkMap},
	{2, "a root package imports only std, uuid and platform errs", checkRootImports},
	{3, "imports inside a module point inwards", checkLayerImports},
	{4, "gorm, fiber and fx are imported in few packages only", checkLibraries},
	{5, "platform imports only downwards, fx packages are for cmd and test packages for tests", checkPlatformImports},
	{6, "every module has the anatomy and is listed in app.go", checkAnatomy},
	{7, "the SQL and the rows of a module name only its own tables", checkTables},
	{8, "a store passes only constant SQL to GORM", checkGorm},
	{9, "a module that refers to rows of another module reacts to their removal", checkReactions},
	{10, "the context map lists the events to which a module reacts", checkEvents},
}

type rule struct {
	number   int
	sentence string
	find     func(tree) []violation
}

// violation is one place that violates a rule; line 0 is the whole file or folder.
type violation struct {
	file    string
	line    int
	message string
}

// violations returns the violations of the rule in t, as file:line: rule n: message.
func (r rule) violations(t tree) []string {
	found := r.find(t)
	slices.SortFunc(found, func(a, b violation) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.message, b.message))
	})
	lines := make([]string, 0, len(found))
	for _, v := range found {
		where := v.file
		if v.line > 0 {
			where = fmt.Sprintf("%s:%d", v.file, v.line)
		}
		lines = append(lines, fmt.Sprintf("%s: rule %d: %s", where, r.number, v.message))
	}
	return slices.Compact(lines)
}

func TestBoundaries(t *testing.T) {
	repository := readTree(t, os.DirFS(".."))
	for _, r := range rules {
		t.Run(r.sentence, func(t *testing.T) {
			require.Empty(t, strings.Join(r.violations(repository), "\n"))
		})
	}
}

func TestRulesFindViolations(t *testing.T) {
	all := os.DirFS("testdata/boundaries")
	known := []string{"clean"}
	for _, r := range rules {
		fixtures, err := fs.Glob(all, fmt.Sprintf("%d-*", r.number))
		require.NoError(t, err)
		require.NotEmpty(t, fixtures, "rule %d: every rule needs a fixture that violates it", r.number)
		known = append(known, fixtures...)
		for _, name := range fixtures {
			t.Run(r.sentence+", violated in "+name, func(t *testing.T) {
				want, err := fs.ReadFile(all, path.Join(name, "want.txt"))
				require.NoError(t, err)
				require.NotEmpty(t, want)
				require.Equal(t, string(want), strings.Join(r.violations(fixture(t, name)), "\n")+"\n")
			})
		}
	}
	t.Run("every fixture has a rule", func(t *testing.T) {
		names, err := fs.Glob(all, "*")
		require.NoError(t, err)
		require.ElementsMatch(t, known, names)
	})
}

func TestRulesAcceptCleanRepository(t *testing.T) {
	clean := fixture(t, "clean")
	for _, r := range rules {
		t.Run(r.sentence, func(t *testing.T) { require.Empty(t, strings.Join(r.violations(clean), "\n")) })
	}
}

func fixture(t *testing.T, name string) tree {
	return readTree(t, os.DirFS(path.Join("testdata/boundaries", name)))
}
