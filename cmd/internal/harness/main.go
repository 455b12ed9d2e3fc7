// Package harness runs the service for tests: in the test's own process, on a database of its own, with every response
// validated against the published contract (Service, Client), or as the built program with an environment, a folder and
// signals (Env, Process, HTTPClient). It derives requests from the contract (Route), so that new routes are covered.
// Helpers belong here when tests of at least two packages use them. Assertions about one feature stay with its tests.
// Nothing but tests imports it.
package harness

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// Exit codes of the program; the last two are those of sysexits.h.
const (
	ExitFailure = 1
	ExitHung    = 70
	ExitConfig  = 78
)

// Main runs the tests of a package that uses the harness, and removes the built program afterwards.
func Main(m *testing.M) {
	// Most tests wait, for processes, disks and clocks. The flag -parallel, which Run reads, overrides this.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	code := m.Run()
	if builtBinary { // Binary would build the program now
		if path, err := Binary(); err == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

// Root returns the path of a file or folder, given relative to the root of the repository.
func Root(t testing.TB, path ...string) string {
	t.Helper()
	folder, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(append([]string{folder}, path...)...)
		}
		parent := filepath.Dir(folder)
		require.NotEqual(t, folder, parent, "no go.mod above the tests")
		folder = parent
	}
}

// CommittedContract returns the contract that the repository holds. A test of cmd/healthcare compares it with the
// contract that the program publishes.
func CommittedContract(t testing.TB) *openapi3.T {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromFile(Root(t, "cmd/healthcare/testdata/openapi.json"))
	require.NoError(t, err)
	return document
}
