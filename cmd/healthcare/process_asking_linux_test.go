package main

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// onTerminal is the place's program on a pseudo terminal (pts(4)) whose person types an answer to each question, once it is asked.
func (p place) onTerminal(answers map[string]string, args ...string) outcome {
	p.t.Helper()
	person, terminal := p.pseudoTerminal()
	defer func() { _ = errors.Join(person.Close(), terminal.Close()) }()
	path, err := binary()
	require.NoError(p.t, err)
	running := p.commandOf(path, func(cmd *exec.Cmd) { cmd.Stdin = terminal }, args...)
	for end := time.Now().Add(patience); len(answers) > 0 && time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		for question, answer := range answers {
			if strings.Contains(running.stderr.String(), question) {
				time.Sleep(20 * time.Millisecond) // a password's prompt comes before the terminal stops to echo, which empties what was typed
				_, err := io.WriteString(person, answer)
				require.NoError(p.t, err)
				delete(answers, question)
			}
		}
	}
	require.Empty(p.t, answers, "%s", running.stderr.String())
	return running.outcome()
}

func TestUserCommandsAsk(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, _ database.Config) {
		p.typed("correct horse\n", "user", "create", "--name", "Asha Rao", "--email", "asha@clinic.example", "--role", "admin").succeeded()
		p.typed("correct horse\n", "user", "create", "--name", "Ravi Iyer", "--email", "ravi@clinic.example").succeeded()
		role := func() string { return p.run("user", "list", "--search", "ravi").succeeded() }
		t.Run("show the account and ask, and leave it as it is unless the answer is yes", func(t *testing.T) {
			for _, answer := range []string{"n\n", "\n", "\x04", "yess\n"} {
				o := p.onTerminal(map[string]string{"Make this account admin? [y/N] ": answer}, "user", "promote", "ravi@clinic.example")
				refusedAfterShowing(o, "nothing was changed")
				require.Regexp(t, `^[0-9a-f-]{36}  ravi@clinic.example  Ravi Iyer  staff, active, registered \d{4}-\d\d-\d\dT`, o.stderr)
			}
			require.Contains(t, role(), " staff ")
		})
		t.Run("do it when the answer is yes", func(t *testing.T) {
			for question, args := range map[string][]string{
				"Make this account admin": {"promote"}, "Make this account staff": {"demote"}, "Disable this account": {"disable"}, "Enable this account": {"enable"},
			} {
				o := p.onTerminal(map[string]string{question + "? [y/N] ": "Y\n"}, append(append([]string{"user"}, args...), "ravi@clinic.example")...)
				require.Equal(t, 0, o.code, "%s", o.stderr)
				require.Contains(t, o.stdout, "changed: ravi@clinic.example, ")
			}
		})
		t.Run("ask nothing about a role that no module declares", func(t *testing.T) {
			p.onTerminal(nil, "user", "promote", "ravi@clinic.example", "--role", "king").failed(1, "role: Must be one of admin, auditor, staff")
		})
		t.Run("ask for a password twice, after the account", func(t *testing.T) {
			answers := func(again string) map[string]string {
				return map[string]string{"Set another password for this account? [y/N] ": "yes\n", "Password: ": "another horse\n", "Again: ": again}
			}
			refusedAfterShowing(p.onTerminal(answers("other horse\n"), "user", "password", "ravi@clinic.example"), "the two passwords are not the same")
			require.Contains(t, p.onTerminal(answers("another horse\n"), "user", "password", "ravi@clinic.example").stdout, "password set: ravi@clinic.example")
		})
	})
}
