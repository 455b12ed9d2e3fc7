package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// committedContract is the contract as reviews see it change; info.version is always the same there.
const committedContract, committedVersion = "testdata/openapi.json", "committed"

func TestTheCommittedContractIsWhatTheProgramPublishes(t *testing.T) {
	t.Parallel()
	published, err := describe(committedVersion)
	require.NoError(t, err)
	committed, err := os.ReadFile(committedContract)
	require.NoError(t, err)
	if bytes.Equal(published, committed) {
		return
	}
	was, is := strings.Split(string(committed), "\n"), strings.Split(string(published), "\n")
	line := 0
	for line < min(len(was), len(is)) && was[line] == is[line] {
		line++
	}
	t.Fatalf(
		"cmd/healthcare/%s is stale, from line %d on. Run `task openapi`, "+
			"and look at what changed for clients with `task contract:diff`.\n"+
			"committed: %s\npublished: %s", committedContract, line+1, strings.Join(was[line:min(line+3, len(was))], "\n"),
		strings.Join(is[line:min(line+3, len(is))], "\n"))
}

func TestOpenAPIPrintsWhatTheServerAnswers(t *testing.T) {
	t.Parallel()
	command := rootCommand()
	var printed bytes.Buffer
	command.SetOut(&printed)
	command.SetArgs([]string{"openapi"})
	require.NoError(t, command.ExecuteContext(t.Context()))

	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		answer, err := http.Get(s.URL + "/openapi.json")
		require.NoError(t, err)
		defer func() { _ = answer.Body.Close() }()
		served, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Equal(t, contractOf(t, served), contractOf(t, printed.Bytes()))
	})
}

// contractOf reads a document without what may differ: white space and the program's version.
func contractOf(t *testing.T, document []byte) map[string]any {
	t.Helper()
	var contract map[string]any
	require.NoError(t, json.Unmarshal(document, &contract))
	contract["info"].(map[string]any)["version"] = committedVersion
	return contract
}

func TestOpenAPINeedsNoConfigurationAndLeavesNothingBehind(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	t.Setenv("DATABASE_URL", "nonsense")
	t.Setenv("DATA_DIR", folder)
	t.Setenv("HTTP_ADDRESS", "nonsense")
	_, err := describe(committedVersion)
	require.NoError(t, err)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
}
