package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// typed is the place's program with something on its standard input.
func (p place) typed(input string, args ...string) outcome {
	p.t.Helper()
	path, err := binary()
	require.NoError(p.t, err)
	return p.commandOf(path, func(cmd *exec.Cmd) { cmd.Stdin = strings.NewReader(input) }, args...).outcome()
}

func TestUserCommands(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, _ database.Config) {
		create := func(email string, more ...string) outcome {
			return p.typed("correct horse\n", append([]string{"user", "create", "--name", "Asha Rao", "--email", email}, more...)...)
		}
		require.Equal(t, "made: asha@clinic.example, admin, active\n", create("asha@clinic.example", "--role", "admin").succeeded())
		require.Equal(t, "made: ravi@clinic.example, staff, active\n", create("ravi@clinic.example").succeeded())
		server := p.start()
		c := newCaller(t, server.ready())
		c.token = c.call("POST", "/api/auth/login/", ashaLogin, 200)["access"].(string)

		t.Run("make an administrator, who is one at once", func(t *testing.T) {
			require.Len(t, c.list("/api/users/"), 2)
		})
		t.Run("change what a user may beside a running server, from the next request on", func(t *testing.T) {
			login := object{"email": "ravi@clinic.example", "password": "correct horse"}
			ravi := newCaller(t, c.base)
			ravi.token = ravi.call("POST", "/api/auth/login/", login, 200)["access"].(string)
			ravi.call("GET", "/api/users/", nil, 403)
			require.Equal(t, "changed: ravi@clinic.example, admin, active\n", p.run("user", "promote", "RAVI@clinic.example").succeeded())
			ravi.call("GET", "/api/users/", nil, 200)
			require.Equal(t, "changed: ravi@clinic.example, staff, active\n", p.run("user", "demote", "ravi@clinic.example").succeeded())
			ravi.call("GET", "/api/users/", nil, 403)
			require.Equal(t, "changed: ravi@clinic.example, staff, disabled\n", p.run("user", "disable", "ravi@clinic.example").succeeded())
			ravi.call("GET", "/api/patients/", nil, 401)
			require.Equal(t, "changed: ravi@clinic.example, staff, active\n", p.run("user", "enable", "ravi@clinic.example").succeeded())
			ravi.call("GET", "/api/patients/", nil, 401)
			ravi.call("POST", "/api/auth/login/", login, 200)
		})
		t.Run("list who there is", func(t *testing.T) {
			all := strings.Split(strings.TrimSpace(p.run("user", "list").succeeded()), "\n")
			require.Len(t, all, 3, "with a heading")
			require.Regexp(t, `^ravi@clinic.example +Asha Rao +staff +true +\d{4}-\d\d-\d\d$`, all[1])
			require.Len(t, strings.Split(strings.TrimSpace(p.run("user", "list", "--role", "admin").succeeded()), "\n"), 2)
		})
		t.Run("say why nothing was done", func(t *testing.T) {
			p.run("user", "demote", "asha@clinic.example").failed(1, "last active administrator")
			p.run("user", "disable", "asha@clinic.example").failed(1, "last active administrator")
			p.run("user", "promote", "nobody@clinic.example").failed(1, "No such user")
			p.run("user", "promote", "ravi@clinic.example", "--role", "king").failed(1, "role: Must be one of admin, auditor, staff")
			create("asha@clinic.example").failed(1, "already exists")
			create("nobody").failed(1, "email: Must be an e-mail address")
			p.typed("", "user", "create", "--name", "A", "--email", "a@b.example").failed(1, "no password")
			p.typed("hunter2\n", "user", "create", "--name", "A", "--email", "a@b.example").failed(1, "password: Must have at least 8")
			p.run("user", "create", "--name", "A", "--email", "a@b.example", "--password", "x").failed(1, "unknown flag: --password")
			p.run("user", "promot").failed(1, "unknown command")
		})
	})
}
