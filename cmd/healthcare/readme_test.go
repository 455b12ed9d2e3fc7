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
	walk, calling := readmeWalk(t)
	eachEngine(t, func(t *testing.T, s *service) {
		script := strings.Replace(walk, "http://127.0.0.1:8000", s.base, 1)
		said := shell(t, script)
		for _, expected := range []string{
			`{"message":"User registered successfully"`, `"notes":"Allergic to penicillin"`, `"patient_details":{"id":`, `"name":"Dr. Vikram Khanna"`,
			`"code":"validation_failed"`, `"Must be between 0 and 150."`,
		} {
			require.Contains(t, said, expected)
		}
		require.Regexp(t, `\[\]\{"id":"[^"]+","name":"Asha Rao","email":"asha@clinic.example".*"current":true\}\]$`, said)
		require.Equal(t, 1, strings.Count(said, "/problems/"), "only the error that is shown: %s", said)

		said = shell(t, strings.ReplaceAll(script+calling, "asha@clinic.example", "again@clinic.example"))
		_, calls, _ := strings.Cut(said, `"notes":"first"`)
		calls = strings.ToLower(strings.ReplaceAll(calls, "\r", ""))
		require.Contains(t, calls, "idempotent-replayed: true\n\"name\":\"josé\"\n\"name\":\"mira\"\n\"name\":\"ravi\"\n\"name\":\"zoë\"\nx-total-count: 1\nmine\nstale_version\n304\n")
		require.Contains(t, calls, `"nmae":["unknown field."]`)
	})
}

// readmeWalk is the shell scripts of README's walk through the API, and of what it says about calling it.
func readmeWalk(t *testing.T) (walk, calling string) {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("REQUIRE_POSTGRES") != "1" { // which says that everything is to be shown
			t.Skipf("the walk needs %s", tool)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	scripts := regexp.MustCompile("(?s)## A walk through the API.*?```sh\n(.*?)```.*?## Calling the API.*?```sh\n(.*?)```").FindSubmatch(readme)
	require.NotNil(t, scripts)
	return string(scripts[1]), string(scripts[2])
}

// shell is what a script says, which leaves nothing behind.
func shell(t *testing.T, script string) string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	require.NoError(t, err, "the walk needs bash")
	cmd := exec.CommandContext(t.Context(), bash, "-eu", "-c", script) // #nosec G204 -- our own README
	cmd.Dir = t.TempDir()
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	left, err := os.ReadDir(cmd.Dir)
	require.NoError(t, err)
	require.Empty(t, left, "the walk leaves nothing behind")
	return string(output)
}
