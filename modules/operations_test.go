package modules_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// operationsFile has the expectations of a module's operations.
const operationsFile = "testdata/operations.txt"

// TestOperations checks that the expectations of every module are complete. The tests of the whole service compare them
// with the program.
func TestOperations(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join("*", "internal", "adapters", "rest", "openapi.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, name := range paths {
		module, _, _ := strings.Cut(filepath.ToSlash(name), "/")
		content, err := os.ReadFile(filepath.Join(module, filepath.FromSlash(operationsFile)))
		require.NoError(t, err, "modules/README.md describes this file")
		for _, problem := range incompleteLines("modules/"+module+"/"+operationsFile, string(content)) {
			t.Error(problem)
		}
	}
}

// incompleteLines describes the lines of a file of expectations that lack a value.
func incompleteLines(file, content string) (problems []string) {
	number := 0
	for line := range strings.Lines(content) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" || strings.HasPrefix(line, " ") {
			continue
		}
		at := file + ":" + strconv.Itoa(number) + ": " + strings.Join(words[:min(2, len(words))], " ")
		switch {
		case len(words) < 5 && (len(words) != 3 || !strings.HasPrefix(words[2], "+")):
			problems = append(problems, at+": statements, trail or roles are missing. See modules/README.md.")
		case !isNumber(words[2]):
			problems = append(problems, at+": "+strconv.Quote(words[2])+" is not a number of statements. "+
				"Write the number that this test reports: "+
				"go test ./cmd/healthcare/test/volume -run TestStatementsOfEachRoute")
		case len(words) > 3 && words[3] != "recorded" && words[3] != "unrecorded":
			problems = append(problems, at+": "+strconv.Quote(words[3])+" is not recorded or unrecorded. "+
				"Write recorded if a successful request leaves an entry in the audit trail.")
		}
	}
	return problems
}

// isNumber reports whether word is a number of statements, or one on SQLite and one on PostgreSQL, such as 18/19.
func isNumber(word string) bool {
	for number := range strings.SplitSeq(strings.TrimPrefix(word, "+"), "/") {
		if _, err := strconv.ParseUint(number, 10, 16); err != nil {
			return false
		}
	}
	return strings.Count(word, "/") < 2
}

func TestIncompleteOperations(t *testing.T) {
	t.Parallel()
	complete := "# operation\n\nGET /api/visits/ 8 recorded staff\n  path id visit\nDELETE /api/patients/{id}/ +1\n"
	require.Empty(t, incompleteLines("f", complete))
	for line, problem := range map[string]string{
		"GET /api/visits/ - recorded staff": `f:3: GET /api/visits/: "-" is not a number of statements.`,
		"GET /api/visits/ 8 - staff":        `f:3: GET /api/visits/: "-" is not recorded or unrecorded.`,
		"GET /api/visits/ 8 recorded":       "f:3: GET /api/visits/: statements, trail or roles are missing.",
		"GET /api/visits/ 8":                "f:3: GET /api/visits/: statements, trail or roles are missing.",
		"GET /api/visits/ +x":               `f:3: GET /api/visits/: "+x" is not a number of statements.`,
	} {
		problems := incompleteLines("f", "# operation\n\n"+line+"\n")
		require.Len(t, problems, 1, line)
		require.Contains(t, problems[0], problem)
	}
}
