package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README's walk is run as it is printed, but for the address.
func TestTheReadmesWalk(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	walk := regexp.MustCompile("(?s)## A walk through the API.*?```sh\n(.*?)```.*?## Calling the API.*?```sh\n(.*?)```").FindSubmatch(readme)
	require.NotNil(t, walk)
	for _, tool := range []string{"bash", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("REQUIRE_POSTGRES") != "1" { // which says that everything is to be shown
			t.Skipf("the walk needs %s", tool)
		}
	}
	bash, err := exec.LookPath("bash")
	require.NoError(t, err, "the walk needs bash")
	eachEngine(t, func(t *testing.T, s *service) {
		script := strings.Replace(string(walk[1]), "http://127.0.0.1:8000", s.base, 1)
		cmd := exec.CommandContext(t.Context(), bash, "-eu", "-c", script) // #nosec G204 -- our own README
		cmd.Dir = t.TempDir()
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
		said := string(output)
		for _, expected := range []string{
			`{"message":"User registered successfully"`, `"notes":"Allergic to penicillin"`, `"patient_details":{"id":`, `"name":"Dr. Vikram Khanna"`,
			`"code":"validation_failed"`, `"Must be between 0 and 150."`,
		} {
			require.Contains(t, said, expected)
		}
		require.Regexp(t, `\[\]\{"id":"[^"]+","name":"Asha Rao","email":"asha@clinic.example".*"current":true\}\]$`, said)
		require.Equal(t, 1, strings.Count(said, "/problems/"), "only the error that is shown: %s", said)

		script += string(walk[2])
		script = strings.ReplaceAll(script, "asha@clinic.example", "again@clinic.example")
		cmd = exec.CommandContext(t.Context(), bash, "-eu", "-c", script) // #nosec G204 -- our own README
		cmd.Dir = t.TempDir()
		output, err = cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
		_, calls, _ := strings.Cut(string(output), `"notes":"first"`)
		calls = strings.ToLower(strings.ReplaceAll(calls, "\r", ""))
		require.Contains(t, calls, "idempotent-replayed: true\n\"name\":\"josé\"\n\"name\":\"mira\"\n\"name\":\"ravi\"\n\"name\":\"zoë\"\nx-total-count: 1\nmine\nstale_version\n304\n")
		require.Contains(t, calls, `"nmae":["unknown field."]`)
		left, err := os.ReadDir(cmd.Dir)
		require.NoError(t, err)
		require.Empty(t, left, "the walk leaves nothing behind")
	})
}
