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
	eachPlace(t, func(t *testing.T, p place, db database.Config) {
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
			require.Equal(t, "changed: ravi@clinic.example, admin, active\n", p.run("user", "promote", "--yes", "RAVI@clinic.example").succeeded())
			ravi.call("GET", "/api/users/", nil, 200)
			require.Equal(t, "changed: ravi@clinic.example, staff, active\n", p.run("user", "demote", "--yes", "ravi@clinic.example").succeeded())
			ravi.call("GET", "/api/users/", nil, 403)
			require.Equal(t, "changed: ravi@clinic.example, staff, disabled\n", p.run("user", "disable", "--yes", "ravi@clinic.example").succeeded())
			ravi.call("GET", "/api/patients/", nil, 401)
			require.Equal(t, "changed: ravi@clinic.example, staff, active\n", p.run("user", "enable", "--yes", "ravi@clinic.example").succeeded())
			ravi.call("GET", "/api/patients/", nil, 401)
			ravi.call("POST", "/api/auth/login/", login, 200)
		})
		t.Run("list who there is", func(t *testing.T) {
			all := strings.Split(strings.TrimSpace(p.run("user", "list").succeeded()), "\n")
			require.Len(t, all, 3, "with a heading")
			require.Regexp(t, `^ravi@clinic.example +Asha Rao +staff +true +\d{4}-\d\d-\d\d +[0-9a-f-]{36}$`, all[1])
			require.Len(t, strings.Split(strings.TrimSpace(p.run("user", "list", "--role", "admin").succeeded()), "\n"), 2)
			p.run("user", "list", "--role", "boss").failed(1, "role: Must be one of admin, auditor, staff")
		})
		t.Run("take an id", func(t *testing.T) {
			done := p.run("user", "promote", userIDs(p)["ravi@clinic.example"], "-y", "--role", "auditor")
			require.Equal(t, "changed: ravi@clinic.example, auditor, active\n", done.succeeded())
			p.run("user", "demote", "--yes", strings.ToUpper(userIDs(p)["ravi@clinic.example"])).succeeded()
			p.run("user", "demote", "--yes", "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b").failed(1, "No such user")
		})
		t.Run("change nothing without --yes where nobody can be asked", func(t *testing.T) {
			for _, verb := range []string{"promote", "demote", "disable", "enable"} {
				p.typed("y\n", "user", verb, "ravi@clinic.example").failed(1, "pass --yes")
			}
			require.Contains(t, p.run("user", "list", "--search", "ravi").succeeded(), " staff ")
		})
		t.Run("refuse what no client could send", func(t *testing.T) {
			for _, password := range []string{"caf\xe9 passw\xf6rd", "correct\x00horse"} {
				p.typed(password+"\n", "user", "password", "--yes", "asha@clinic.example").failed(exitFailure, "Must be text in UTF-8, without NUL.")
				p.typed(password+"\n", "user", "create", "--name", "B", "--email", "b@clinic.example").failed(exitFailure, "Must be text in UTF-8")
			}
			p.typed("correct horse\n", "user", "create", "--name", "caf\xe9", "--email", "b@clinic.example").failed(exitFailure, "Must be text in UTF-8")
			p.typed("\ufeffcorrect horse\n", "user", "password", "--yes", "asha@clinic.example").succeeded()
		})
		t.Run("set a password, which ends every session", func(t *testing.T) {
			ravi := newCaller(t, c.base)
			login := object{"email": "ravi@clinic.example", "password": "correct horse"}
			signedIn := ravi.call("POST", "/api/auth/login/", login, 200)
			ravi.token = signedIn["access"].(string)
			require.Equal(t, "password set: ravi@clinic.example, staff, active\n", p.typed("another horse\r\n", "user", "password", "RAVI@clinic.example").succeeded())
			ravi.call("GET", "/api/patients/", nil, 401)
			ravi.call("POST", "/api/auth/refresh/", object{"refresh": signedIn["refresh"]}, 401)
			ravi.call("POST", "/api/auth/login/", object{"email": "ravi@clinic.example", "password": "correct horse"}, 401)
			ravi.call("POST", "/api/auth/login/", object{"email": "ravi@clinic.example", "password": "another horse"}, 200)
			p.typed("short\n", "user", "password", "ravi@clinic.example").failed(1, "password: Must have at least 8")
			p.typed("          \n", "user", "password", "ravi@clinic.example").failed(1, "password: This field may not be blank")
			p.typed("", "user", "password", "ravi@clinic.example").failed(1, "no password")
			p.typed("correct horse\n", "user", "password", "nobody@clinic.example").failed(1, "No such user")
			p.typed("correct horse\n", "user", "password", "ravi@clinic.example").succeeded()
			var entries int
			require.NoError(t, opened(t, db).Read(t.Context()).Raw("SELECT count(*) FROM audit_entries WHERE action = 'password_changed' AND role = 'operator'").Scan(&entries).Error)
			require.Equal(t, 3, entries)
		})
		t.Run("find an address in every spelling, and ask for the id where several accounts have it", func(t *testing.T) {
			require.Equal(t, "made: zoë@bücher.example, staff, active\n", create("zoë@bücher.example").succeeded())
			create("zoe\u0308@xn--bcher-kva.example").failed(1, "already exists")
			create("zo\u200bë@bücher.example").failed(1, "email: Must not contain spaces, control characters or invisible characters")
			require.Equal(t, "changed: zoë@bücher.example, staff, disabled\n", p.run("user", "disable", "--yes", "ZOË@xn--bcher-kva.example.").succeeded())
			store := opened(t, db)
			require.NoError(t, store.Write(t.Context()).Exec(`INSERT INTO users (id, name, email, mailbox, username, password_hash, role, active, token_version, search_text, version, created_at, updated_at)
				SELECT '0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b', name, 'zoë@xn--bcher-kva.example', 'zoë@xn--bcher-kva.example', 'z', password_hash, role, active, 0, '', 1, created_at, updated_at
				FROM users WHERE mailbox = 'zoë@bücher.example'`).Error)
			refused := p.run("user", "enable", "--yes", "zoë@bücher.example")
			refusedAfterShowing(refused, "several accounts have this address in different spellings: name one by its id")
			require.Contains(t, refused.stderr, "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b  zoë@xn--bcher-kva.example  ")
			require.Contains(t, refused.stderr, userIDs(p)["zoë@bücher.example"]+"  zoë@bücher.example  ")
			refusedAfterShowing(p.typed("correct horse\n", "user", "password", "zoë@bücher.example"), "several accounts")
			require.Equal(t, "changed: zoë@xn--bcher-kva.example, staff, active\n", p.run("user", "enable", "--yes", "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b").succeeded())
		})
		t.Run("say why nothing was done", func(t *testing.T) {
			p.run("user", "demote", "--yes", "asha@clinic.example").failed(1, "last active administrator")
			p.run("user", "disable", "--yes", "asha@clinic.example").failed(1, "last active administrator")
			p.run("user", "promote", "--yes", "nobody@clinic.example").failed(1, "No such user")
			p.run("user", "promote", "--yes", "ravi@clinic.example", "--role", "king").failed(1, "role: Must be one of admin, auditor, staff")
			create("asha@clinic.example").failed(1, "already exists")
			create("nobody").failed(1, "email: Must be an e-mail address")
			p.typed("", "user", "create", "--name", "A", "--email", "a@b.example").failed(1, "no password")
			p.typed("hunter2\n", "user", "create", "--name", "A", "--email", "a@b.example").failed(1, "password: Must have at least 8")
			p.run("user", "create", "--name", "A", "--email", "a@b.example", "--password", "x").failed(1, "unknown flag: --password")
			p.run("user", "promot").failed(1, "unknown command")
		})
	})
}

// refusedAfterShowing asserts that a command showed accounts, and left them as they were.
func refusedAfterShowing(o outcome, why string) {
	o.t.Helper()
	require.Equal(o.t, 1, o.code)
	require.Empty(o.t, o.stdout)
	lines := o.lines()
	require.Contains(o.t, lines[len(lines)-1], why)
	require.Greater(o.t, len(lines), 1)
}

// userIDs are those of all users, by address, as user list shows them.
func userIDs(p place) map[string]string {
	p.t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(p.run("user", "list").succeeded()) {
		fields := strings.Fields(line)
		all[fields[0]] = fields[len(fields)-1]
	}
	return all
}
