package process

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// runOnTerminal runs the program on a pseudo terminal (pts(4)) and types the answer to each question when it appears.
func runOnTerminal(p harness.Env, answers map[string]string, args ...string) harness.Result {
	p.T.Helper()
	user, terminal := pseudoTerminal(p)
	defer func() { _ = errors.Join(user.Close(), terminal.Close()) }()
	path, err := harness.Binary()
	require.NoError(p.T, err)
	running := p.CommandWith(path, func(cmd *exec.Cmd) { cmd.Stdin = terminal }, args...)
	for end := time.Now().Add(harness.Timeout); len(answers) > 0 &&
		time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		for question, answer := range answers {
			if strings.Contains(running.Stderr.String(), question) {
				// the prompt appears before the terminal stops echoing, which discards pending input
				time.Sleep(20 * time.Millisecond)
				_, err := io.WriteString(user, answer)
				require.NoError(p.T, err)
				delete(answers, question)
			}
		}
	}
	require.Empty(p.T, answers, "%s", running.Stderr.String())
	return running.Wait()
}

func TestUserCommandsConfirm(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
		p.RunWithInput("correct horse\n", "user", "create", "--name", "Asha Rao", "--email", "asha@clinic.example",
			"--role", "admin").ExpectSuccess()
		p.RunWithInput("correct horse\n", "user", "create", "--name", "Ravi Iyer", "--email",
			"ravi@clinic.example").ExpectSuccess()
		role := func() string { return p.Run("user", "list", "--search", "ravi").ExpectSuccess() }
		t.Run("show the account, and change nothing unless the answer is yes", func(t *testing.T) {
			for _, answer := range []string{"n\n", "\n", "\x04", "yess\n"} {
				o := runOnTerminal(p, map[string]string{"Make this account admin? [y/N] ": answer}, "user", "promote",
					"ravi@clinic.example")
				requireUnchanged(o, "nothing was changed")
				require.Regexp(
					t, `^[0-9a-f-]{36}  ravi@clinic.example  Ravi Iyer  staff, active, registered \d{4}-\d\d-\d\dT`,
					o.Stderr)
			}
			require.Contains(t, role(), " staff ")
		})
		t.Run("change the account if the answer is yes", func(t *testing.T) {
			for question, args := range map[string][]string{
				"Make this account admin": {"promote"}, "Make this account staff": {"demote"},
				"Disable this account": {"disable"}, "Enable this account": {"enable"},
			} {
				o := runOnTerminal(p, map[string]string{question + "? [y/N] ": "Y\n"},
					append(append([]string{"user"}, args...), "ravi@clinic.example")...)
				require.Equal(t, 0, o.ExitCode, "%s", o.Stderr)
				require.Contains(t, o.Stdout, "changed: ravi@clinic.example, ")
			}
		})
		t.Run("reject an undeclared role without a question", func(t *testing.T) {
			runOnTerminal(p, nil, "user", "promote", "ravi@clinic.example", "--role", "king").ExpectFailure(1,
				"role: Must be one of admin, auditor, doctor, patient, privacy, staff")
		})
		t.Run("show the account, then read the password twice", func(t *testing.T) {
			answers := func(repeated string) map[string]string {
				return map[string]string{"Set a new password for this account? [y/N] ": "yes\n",
					"Password: ": "another horse\n", "Again: ": repeated}
			}
			requireUnchanged(runOnTerminal(p, answers("other horse\n"), "user", "password", "ravi@clinic.example"),
				"the two passwords differ")
			require.Contains(
				t, runOnTerminal(p, answers("another horse\n"), "user", "password", "ravi@clinic.example").Stdout,
				"password set: ravi@clinic.example")
		})
	})
}
