package modules_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	requirementUse = regexp.MustCompile(
		`\b([RX])-([0-9]{2})\b|\b(X)([0-9]{1,2})\b|(?:Test|Benchmark|_)([RX])([0-9]{2})`)
	requirementRow = regexp.MustCompile(`(?m)^\| (R-[0-9]{2}|X[0-9]{1,2}) \|`)
)

// Every id of a requirement or threat that the code uses is a row of REQUIREMENTS.md.
func TestRequirementsAreDefined(t *testing.T) {
	table, err := os.ReadFile("REQUIREMENTS.md")
	require.NoError(t, err)
	defined := map[string]bool{}
	for _, row := range requirementRow.FindAllStringSubmatch(string(table), -1) {
		require.NotContains(t, defined, row[1], "is defined twice")
		defined[row[1]] = true
	}

	undefined := map[string]bool{}
	for _, folder := range []string{"../cmd", "../modules", "../platform", "../migrations", "../configs"} {
		require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			isText := slices.Contains([]string{".go", ".md", ".sql", ".yaml"}, filepath.Ext(path))
			if err != nil || entry.IsDir() || !isText || entry.Name() == "REQUIREMENTS.md" {
				return err
			}
			text, err := os.ReadFile(path) // #nosec G304 G122 -- a file of the repository
			for _, use := range requirementUse.FindAllStringSubmatch(string(text), -1) {
				if id := requirementID(use); !defined[id] {
					undefined[id+" in "+path] = true
				}
			}
			return err
		}))
	}
	require.Empty(t, slices.Sorted(maps.Keys(undefined)))
}

// requirementID returns the id in the form of the table: R-05, X5.
func requirementID(match []string) string {
	kind, number := match[1]+match[3]+match[5], match[2]+match[4]+match[6]
	if kind == "R" {
		return "R-" + number
	}
	return "X" + strings.TrimLeft(number, "0")
}
