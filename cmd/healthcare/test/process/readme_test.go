package process

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// shells are the interactive shells that accept the README's blocks. An interactive zsh does not support comments.
var shells = [][]string{{"bash", "--norc", "-i"}, {"dash", "-i"}, {"zsh", "-f", "-i"}}

// TestReadmesWalks runs the README's walks as printed, except for the address, beside the released program.
func TestReadmesWalks(t *testing.T) {
	t.Parallel()
	binary, err := harness.Binary()
	require.NoError(t, err)
	for _, sh := range shells {
		t.Run("pasted into "+sh[0], func(t *testing.T) {
			t.Parallel()
			requireTools(t, sh[0], "curl", "sed", "grep", "paste")
			harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
				require.NoError(t, os.Symlink(binary, filepath.Join(p.Folder, "healthcare")))
				walkThrough(t, sh, p, p.Start().WaitReady())
			})
		})
	}
}

func walkThrough(t *testing.T, sh []string, p harness.Env, url string) {
	readme := harness.Root(t, "README.md")
	walk := strings.Replace(readmeBlocks(t, readme, "## A walk through the API"), "http://127.0.0.1:8000", url, 1)
	script, answers := walk, ""
	for _, heading := range []string{
		"## A walk through the care team", "## A small clinic in four calls", "## A walk through appointments",
	} {
		script += readmeBlocks(t, readme, heading)
		answers += strings.Join(blocksOf(t, readme, heading, ""), "")
	}
	require.Contains(t, answers, "200\n404\n", "the doctor's requests before and after the discharge")
	output := runInteractively(t, sh, p, script)
	output, found := strings.CutSuffix(output, answers)
	require.True(t, found, "the output ends with the README's answers\n%s\nbut is\n%s", answers, output)
	for _, expected := range []string{
		`{"message":"User registered successfully"`, `"notes":"Allergic to penicillin"`, `"patient_details":{"id":`,
		`"name":"Dr. Vikram Khanna"`,
		`"code":"validation_failed"`, `"Must be between 0 and 150."`,
	} {
		require.Contains(t, output, expected)
	}
	require.Regexp(t, `\[\]\{"id":"[^"]+","name":"Asha Rao","email":"asha@clinic.example".*"current":true\}\]$`, output)
	require.Equal(t, 1, strings.Count(output, "/problems/"), "only the error that the README shows: %s", output)

	walk += readmeBlocks(t, harness.Root(t, "cmd/healthcare/API.md"), "## Examples")
	output = runInteractively(t, sh, p, strings.ReplaceAll(walk, "asha@clinic.example", "again@clinic.example"))
	_, calls, _ := strings.Cut(output, `"notes":"first"`)
	calls = strings.ToLower(strings.ReplaceAll(calls, "\r", ""))
	require.Contains(
		t, calls,
		"idempotent-replayed: true\n\"name\":\"josé\"\n\"name\":\"mira\"\n\"name\":\"ravi\"\n"+
			"\"name\":\"zoë\"\nx-total-count: 1\nmine\nstale_version\n304\n")
	require.Contains(t, calls, `"nmae":["unknown field."]`)
}

func TestReadmesFieldReturnsTheFirstMatch(t *testing.T) {
	t.Parallel()
	definition := regexp.MustCompile(`(?m)^field\(\).*$`).FindString(
		readmeBlocks(t, harness.Root(t, "README.md"), "## A walk through the API"))
	for _, sh := range shells {
		t.Run("in "+sh[0], func(t *testing.T) {
			requireTools(t, sh[0])
			call := `echo '{"id":"outer","doctor":{"id":"inner"}}' | field id`
			output := runInteractively(t, sh, harness.NewEnv(t), definition+"\n"+call+"\n")
			require.Equal(t, "outer\n", output)
		})
	}
}

// TestShellBlocks checks that all shells can parse the shell blocks of all documents.
func TestShellBlocks(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"*.md", "*/*.md", "*/*/*.md", "*/*/*/*/*.md"} {
		found, err := filepath.Glob(harness.Root(t, pattern))
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.Greater(t, len(files), 10)
	for _, file := range files {
		blocks := shellBlocks(t, file, "")
		for _, block := range blocks {
			for _, sh := range shells {
				t.Run(sh[0]+" parses "+strings.SplitN(block, "\n", 2)[0], func(t *testing.T) {
					requireTools(t, sh[0])
					parse := exec.Command(sh[0], "-n") // #nosec G204 -- one of three shells
					parse.Stdin = strings.NewReader(block)
					output, err := parse.CombinedOutput()
					require.NoError(t, err, "%s", output)
				})
			}
		}
	}
}

// requireTools skips a test whose programs are missing. It fails the test in CI, which sets REQUIRE_POSTGRES.
func requireTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := exec.LookPath(name)
		if err != nil && os.Getenv("REQUIRE_POSTGRES") != "1" {
			t.Skipf("%s is not installed: the shell blocks are not run in it", name)
		}
		require.NoError(t, err, "the README's shell blocks need %s", name)
	}
}

// readmeBlocks returns the shell blocks of one section of a document as one script.
func readmeBlocks(t *testing.T, file, heading string) string {
	t.Helper()
	blocks := shellBlocks(t, file, heading)
	require.NotEmpty(t, blocks, heading)
	return strings.Join(blocks, "\n")
}

// shellBlocks returns the shell blocks of a document, or of its section with that heading.
func shellBlocks(t *testing.T, file, heading string) []string {
	t.Helper()
	return blocksOf(t, file, heading, "sh")
}

// blocksOf returns the blocks in a language of a document, or of its section with that heading.
func blocksOf(t *testing.T, file, heading, language string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(file) // #nosec G304 -- a file of the repository
	require.NoError(t, err)
	section := string(text)
	if heading != "" {
		_, section, _ = strings.Cut(section, "\n"+heading+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
	}
	for _, block := range codeBlock.FindAllStringSubmatch(section, -1) {
		if block[1] == language {
			blocks = append(blocks, block[2])
		}
	}
	return blocks
}

var codeBlock = regexp.MustCompile("(?ms)^ *```(\\S*)\n(.*?)^ *```")

var shellError = regexp.MustCompile(
	`(?i)not found|unmatched|parse error|syntax error|unexpected|bad substitution|no matches|unterminated`)

// runInteractively returns the output of an interactive shell in p for a script on standard input. The script must
// leave no files behind.
func runInteractively(t *testing.T, sh []string, p harness.Env, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), sh[0], sh[1:]...) // #nosec G204 -- one of three shells
	cmd.Dir = p.Folder
	cmd.Env = slices.Concat(os.Environ(), p.Variables, []string{"PS1=", "PS2=", "HISTFILE=", "ENV="})
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(script), &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s%s", stdout.String(), stderr.String())
	require.NotRegexp(t, shellError, stderr.String())
	left, err := filepath.Glob(filepath.Join(p.Folder, "*.*"))
	require.NoError(t, err)
	require.Empty(t, left, "the script leaves no files behind; those of the program have no extension")
	return stdout.String()
}
