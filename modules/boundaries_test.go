// Package modules_test holds the house to its boundaries: the rules of modules/README.md that the Go compiler cannot hold.
// It only parses, so it takes milliseconds.
//
// To add a rule: write a function that finds what breaks it, name it in rules, and put a small repository that breaks every clause of
// it into testdata/boundaries/<number>-<what>/, with a want.txt that lists exactly the violations. What is allowed belongs
// into testdata/boundaries/clean/, which every rule must leave in peace.
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
	{1, "a module asks only whom the context map lets it ask", asksOnlyWhomItMay},
	{2, "a root package imports only std, uuid and platform errs", rootsImportLittle},
	{3, "imports inside a module point inwards", importsPointInwards},
	{4, "gorm, fiber and fx stay where they live", librariesStayHome},
	{5, "platform knows no module, fx packages are for cmd and test packages for tests", platformAndHelpersKeepTheirPlace},
	{6, "every module has the anatomy and stands in app.go", modulesHaveTheAnatomy},
	{7, "the SQL and the rows of a module name only its own tables", tablesHaveOneOwner},
	{8, "a store gives GORM no SQL that is not constant", storesAvoidGormTraps},
	{9, "who refers to the rows of another module reacts to their removal", foreignKeysAreFollowed},
}

type rule struct {
	number   int
	sentence string
	find     func(tree) []violation
}

// violation is one place that breaks a rule; line 0 is the file or folder as a whole.
type violation struct {
	file    string
	line    int
	message string
}

// broken lists what breaks the rule in t, as file:line: rule n: message.
func (r rule) broken(t tree) []string {
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

func TestTheHouseKeepsItsBoundaries(t *testing.T) {
	house := readTree(t, os.DirFS(".."))
	for _, r := range rules {
		t.Run(r.sentence, func(t *testing.T) {
			require.Empty(t, strings.Join(r.broken(house), "\n"))
		})
	}
}

func TestEveryRuleFindsExactlyWhatItsFixturesBreak(t *testing.T) {
	all := os.DirFS("testdata/boundaries")
	known := []string{"clean"}
	for _, r := range rules {
		fixtures, err := fs.Glob(all, fmt.Sprintf("%d-*", r.number))
		require.NoError(t, err)
		require.NotEmpty(t, fixtures, "rule %d: a rule without a failing fixture does not exist", r.number)
		known = append(known, fixtures...)
		for _, name := range fixtures {
			t.Run(r.sentence+", unlike in "+name, func(t *testing.T) {
				want, err := fs.ReadFile(all, path.Join(name, "want.txt"))
				require.NoError(t, err)
				require.NotEmpty(t, want)
				require.Equal(t, string(want), strings.Join(r.broken(fixture(t, name)), "\n")+"\n")
			})
		}
	}
	t.Run("no fixture is without a rule", func(t *testing.T) {
		names, err := fs.Glob(all, "*")
		require.NoError(t, err)
		require.ElementsMatch(t, known, names)
	})
}

func TestNoRuleFindsAnythingInACleanHouse(t *testing.T) {
	clean := fixture(t, "clean")
	for _, r := range rules {
		t.Run(r.sentence, func(t *testing.T) { require.Empty(t, strings.Join(r.broken(clean), "\n")) })
	}
}

func fixture(t *testing.T, name string) tree {
	return readTree(t, os.DirFS(path.Join("testdata/boundaries", name)))
}
