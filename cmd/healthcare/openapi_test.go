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

// committedContract shows changes of the contract in reviews. Its info.version is always committedVersion.
const committedContract, committedVersion = "testdata/openapi.json", "committed"

func TestCommittedContractIsCurrent(t *testing.T) {
	t.Parallel()
	published, err := describe(committedVersion)
	require.NoError(t, err)
	committed, err := os.ReadFile(committedContract)
	require.NoError(t, err)
	if bytes.Equal(published, committed) {
		return
	}
	old, current := strings.Split(string(committed), "\n"), strings.Split(string(published), "\n")
	line := 0
	for line < min(len(old), len(current)) && old[line] == current[line] {
		line++
	}
	t.Fatalf(
		"cmd/healthcare/%s is stale from line %d. Run `task openapi`, "+
			"and `task contract:diff` for the changes that clients notice.\ncommitted: %s\npublished: %s",
		committedContract, line+1,
		strings.Join(old[line:min(line+3, len(old))], "\n"),
		strings.Join(current[line:min(line+3, len(current))], "\n"),
	)
}

func TestOpenAPICommandPrintsTheServersDocument(t *testing.T) {
	t.Parallel()
	command := rootCommand()
	var printed bytes.Buffer
	command.SetOut(&printed)
	command.SetArgs([]string{"openapi"})
	require.NoError(t, command.ExecuteContext(t.Context()))

	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		response, err := http.Get(s.URL + "/openapi.json")
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		served, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, contractOf(t, served), contractOf(t, printed.Bytes()))
	})
}

// contractOf returns a document with committedVersion as its version, because the program's version may differ.
func contractOf(t *testing.T, document []byte) map[string]any {
	t.Helper()
	var contract map[string]any
	require.NoError(t, json.Unmarshal(document, &contract))
	contract["info"].(map[string]any)["version"] = committedVersion
	return contract
}

func TestOpenAPICommandUsesNoConfigurationAndCreatesNoFiles(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	t.Setenv("DATABASE_URL", "nonsense")
	t.Setenv("DATA_DIR", folder)
	t.Setenv("HTTP_ADDRESS", "nonsense")
	_, err := describe(committedVersion)
	require.NoError(t, err)
	created, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, created)
}
