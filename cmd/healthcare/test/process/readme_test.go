package process

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// shells are those that the README's blocks can be pasted into, each as it is started for a person: zsh then takes #
// for a word.
var shells = [][]string{{"bash", "--norc", "-i"}, {"dash", "-i"}, {"zsh", "-f", "-i"}}

// The README's walk is run as it is printed, but for the address.
func TestTheReadmesWalk(t *testing.T) {
	t.Parallel()
	walk := readmeBlocks(t, harness.Root(t, "README.md"), "## A walk through the API")
	calling := readmeBlocks(t, harness.Root(t, "cmd/healthcare/API.md"), "## Examples")
	for _, sh := range shells {
		t.Run("pasted into "+sh[0], func(t *testing.T) {
			requireTools(t, sh[0], "curl", "sed", "grep")
			harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
				walkThrough(t, sh, strings.Replace(walk, "http://127.0.0.1:8000", s.URL, 1), calling)
			})
		})
	}
}

func walkThrough(t *testing.T, sh []string, walk, calling string) {
	said := runInteractively(t, sh, walk)
	for _, expected := range []string{
		`{"message":"User registered successfully"`, `"notes":"Allergic to penicillin"`, `"patient_details":{"id":`,
		`"name":"Dr. Vikram Khanna"`,
		`"code":"validation_failed"`, `"Must be between 0 and 150."`,
	} {
		require.Contains(t, said, expected)
	}
	require.Regexp(t, `\[\]\{"id":"[^"]+","name":"Asha Rao","email":"asha@clinic.example".*"current":true\}\]$`, said)
	require.Equal(t, 1, strings.Count(said, "/problems/"), "only the error that is shown: %s", said)

	said = runInteractively(t, sh, strings.ReplaceAll(walk+calling, "asha@clinic.example", "again@clinic.example"))
	_, calls, _ := strings.Cut(said, `"notes":"first"`)
	calls = strings.ToLower(strings.ReplaceAll(calls, "\r", ""))
	require.Contains(
		t, calls,
		"idempotent-replayed: true\n\"name\":\"josé\"\n\"name\":\"mira\"\n\"name\":\"ravi\"\n"+
			"\"name\":\"zoë\"\nx-total-count: 1\nmine\nstale_version\n304\n")
	require.Contains(t, calls, `"nmae":["unknown field."]`)
}

func TestTheReadmesFieldTakesTheFirstMatch(t *testing.T) {
	t.Parallel()
	definition := regexp.MustCompile(`(?m)^field\(\).*$`).FindString(
		readmeBlocks(t, harness.Root(t, "README.md"), "## A walk through the API"))
	for _, sh := range shells {
		t.Run("in "+sh[0], func(t *testing.T) {
			requireTools(t, sh[0])
			said := runInteractively(
				t, sh, definition+"\n"+`echo '{"id":"outer","doctor":{"id":"inner"}}' | field id`+"\n")
			require.Equal(t, "outer\n", said)
		})
	}
}

// Blocks that this test does not run, such as those of operation, are parsed at least, and hold no comment either.
func TestTheReadmesShellBlocks(t *testing.T) {
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
			for line := range strings.Lines(block) {
				require.NotRegexp(t, `(^|\s)#`, line, "%s: zsh runs a comment as a command", file)
			}
			for _, sh := range shells {
				t.Run(sh[0]+" parses "+strings.SplitN(block, "\n", 2)[0], func(t *testing.T) {
					requireTools(t, sh[0])
					parse := exec.Command(sh[0], "-n") // #nosec G204 -- one of three shells
					parse.Stdin = strings.NewReader(block)
					said, err := parse.CombinedOutput()
					require.NoError(t, err, "%s", said)
				})
			}
		}
	}
}

// requireTools skips a test whose programs are missing, and fails it in CI, which sets REQUIRE_POSTGRES and so asks for
// everything.
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
func shellBlocks(t *testing.T, file, heading string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(file) // #nosec G304 -- ours
	require.NoError(t, err)
	section := string(text)
	if heading != "" {
		_, section, _ = strings.Cut(section, "\n"+heading+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
	}
	for _, block := range regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```").FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, block[1])
	}
	return blocks
}

var shellComplaint = regexp.MustCompile(
	`(?i)not found|unmatched|parse error|syntax error|unexpected|bad substitution|no matches|unterminated`)

// runInteractively returns what an interactive shell prints for a script that is typed into it. The script leaves
// nothing behind.
func runInteractively(t *testing.T, sh []string, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), sh[0], sh[1:]...) // #nosec G204 -- one of three shells
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PS1=", "PS2=", "HISTFILE=", "ENV=", "HOME="+cmd.Dir)
	var said, complained bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(script), &said, &complained
	require.NoError(t, cmd.Run(), "%s%s", said.String(), complained.String())
	require.NotRegexp(t, shellComplaint, complained.String())
	left, err := os.ReadDir(cmd.Dir)
	require.NoError(t, err)
	require.Empty(t, left, "it leaves nothing behind")
	return said.String()
}
