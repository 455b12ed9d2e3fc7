package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
)

// Expectation is the written expectation of one operation. It is independent of the contract.
type Expectation struct {
	Statements string // the number of SQL statements that a request sends, "-" if they are not counted
	Trail      string // "recorded" or "unrecorded", "-" for an operation outside the API
	Roles      []auth.Role
}

// expectationsFile is the place of a module's expectations, relative to the root of the repository.
const expectationsFile = "modules/*/testdata/operations.txt"

// Expectations returns the expectations of the platform's operations and of every module, by Route.String.
func Expectations(t testing.TB) map[string]Expectation {
	t.Helper()
	files, err := filepath.Glob(Root(t, filepath.FromSlash(expectationsFile)))
	require.NoError(t, err)
	all := map[string]Expectation{}
	for _, file := range append(files, Root(t, "cmd/internal/harness/testdata/operations.txt")) {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(content)) {
			words := strings.Fields(line)
			if len(words) == 0 || strings.HasPrefix(line, "#") {
				continue
			}
			require.Greater(t, len(words), 4, "%s: a method, a path, statements, trail and roles: %s", file, line)
			require.Contains(t, []string{"recorded", "unrecorded", "-"}, words[3], "%s: %s", file, line)
			operation := words[1] + " " + words[0]
			require.NotContains(t, all, operation, "%s: one line for each operation", file)
			expectation := Expectation{Statements: words[2], Trail: words[3]}
			for _, role := range words[4:] {
				expectation.Roles = append(expectation.Roles, auth.Role(role))
			}
			all[operation] = expectation
		}
	}
	return all
}

// RequireExpectations fails for a route without an expectation, and for an expectation without a route.
func RequireExpectations(t testing.TB, routes []Route, all map[string]Expectation) {
	t.Helper()
	described := map[string]bool{}
	for _, r := range routes {
		described[r.String()] = true
		require.Contains(t, all, r.String(), "write a line for %s %s into %s of its module", r.Method, r.Path,
			expectationsFile)
	}
	for operation := range all {
		require.Contains(t, described, operation, "delete its line from %s: the contract lacks it", expectationsFile)
	}
}
