package harness

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
	"healthcare/platform/database"
)

// Expectation is the written expectation of one operation. It is independent of the contract.
type Expectation struct {
	Statements string      // the number of SQL statements that a request sends, see StatementsOn
	Trail      string      // "recorded" or "unrecorded", "-" for an operation outside the API
	Roles      []auth.Role // or everybody, or users
	IDs        []ID
}

// StatementsOn returns the number of statements on an engine: "18/19" has one more on PostgreSQL, which locks what
// SQLite's only writer need not lock.
func (e Expectation) StatementsOn(engine database.Engine) string {
	lite, pg, differ := strings.Cut(e.Statements, "/")
	if differ && engine == database.Postgres {
		return pg
	}
	return lite
}

// Anonymous is the role of callers without a token in the expectations.
const Anonymous auth.Role = "anonymous"

// These words stand for all callers, and for all users, also users whose role is no longer declared.
const everybody, users auth.Role = "everybody", "users"

// Allows reports whether callers of the role may call the operation.
func (e Expectation) Allows(role auth.Role) bool {
	return slices.Contains(e.Roles, role) || slices.Contains(e.Roles, everybody) ||
		role != Anonymous && slices.Contains(e.Roles, users)
}

// ID is a place of a request that takes the id of a record.
type ID struct {
	In, Name string // "path", "query" or "body", and the name of the parameter or member
	Of       string // the kind of record, such as "patient"

	// Of a patient: the status of the response about a foreign or missing and about an own patient, 0 for a caller who
	// owns none, and the action and resource of the entry in the audit trail.
	Foreign, Own int
	Entry        string
}

// Patient is the kind of record that the audit trail names in every entry about it.
const Patient = "patient"

// String returns the place, such as "path id".
func (id ID) String() string { return id.In + " " + id.Name }

// expectationsFile is the place of a module's expectations, relative to the root of the repository.
const expectationsFile = "modules/*/testdata/operations.txt"

// Expectations returns the expectations of the platform's operations and of every module, by Route.String.
func Expectations(t testing.TB) map[string]Expectation {
	t.Helper()
	files, err := filepath.Glob(Root(t, filepath.FromSlash(expectationsFile)))
	require.NoError(t, err)
	all, more := map[string]Expectation{}, map[string]int{}
	for _, file := range append(files, Root(t, "cmd/internal/harness/testdata/operations.txt")) {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		operation := ""
		for line := range strings.Lines(string(content)) {
			words := strings.Fields(line)
			switch {
			case len(words) == 0 || strings.HasPrefix(words[0], "#"):
			case line[0] == ' ':
				expectation := all[operation]
				expectation.IDs = append(expectation.IDs, parseID(t, file, words))
				all[operation] = expectation
			case len(words) == 3 && strings.HasPrefix(words[2], "+"):
				added, err := strconv.Atoi(words[2][1:])
				require.NoError(t, err, "%s: %s", file, line)
				more[words[1]+" "+words[0]] += added
			default:
				operation = words[1] + " " + words[0]
				require.NotContains(t, all, operation, "%s: one line for each operation", file)
				all[operation] = parseExpectation(t, file, words)
			}
		}
	}
	for operation, added := range more {
		expectation := all[operation]
		var numbers []string // one, or those of both engines
		for own := range strings.SplitSeq(expectation.Statements, "/") {
			number, err := strconv.Atoi(own)
			require.NoError(t, err, "a module adds statements to %s", operation)
			numbers = append(numbers, strconv.Itoa(number+added))
		}
		expectation.Statements = strings.Join(numbers, "/")
		all[operation] = expectation
	}
	return all
}

func parseExpectation(t testing.TB, file string, words []string) Expectation {
	t.Helper()
	require.Greater(t, len(words), 4, "%s: a method, a path, statements, trail and roles: %s", file, words)
	require.Contains(t, []string{"recorded", "unrecorded", "-"}, words[3], "%s: %s", file, words)
	expectation := Expectation{Statements: words[2], Trail: words[3]}
	for _, role := range words[4:] {
		expectation.Roles = append(expectation.Roles, auth.Role(role))
	}
	return expectation
}

func parseID(t testing.TB, file string, words []string) ID {
	t.Helper()
	count := 3
	if len(words) > 2 && words[2] == Patient {
		count = 7
	}
	require.Len(t, words, count,
		"%s: a place, a name and a record, for a patient also two statuses, an action and a resource: %s", file, words)
	require.Contains(t, []string{"path", "query", "body"}, words[0], "%s: %s", file, words)
	id := ID{In: words[0], Name: words[1], Of: words[2]}
	if id.Of == Patient {
		for i, status := range []*int{&id.Foreign, &id.Own} {
			if words[3+i] == "-" {
				continue
			}
			value, err := strconv.Atoi(words[3+i])
			require.NoError(t, err, "%s: %s", file, words)
			*status = value
		}
		id.Entry = words[5] + " " + words[6]
	}
	return id
}

// Role returns the role of which a test calls the operation: staff where they may, else another role that may.
func (e Expectation) Role() auth.Role {
	if len(e.Roles) == 0 || e.Allows(auth.Staff) {
		return auth.Staff
	}
	return e.Roles[0]
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
