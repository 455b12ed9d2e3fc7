package process

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/audit/audittest"
	"healthcare/platform/database"
)

func TestUserCommands(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) {
		create := func(email string, more ...string) harness.Result {
			return p.RunWithInput("correct horse\n",
				append([]string{"user", "create", "--name", "Asha Rao", "--email", email}, more...)...)
		}
		require.Equal(t, "created: asha@clinic.example, admin, active\n",
			create("asha@clinic.example", "--role", "admin").ExpectSuccess())
		require.Equal(t, "created: ravi@clinic.example, staff, active\n",
			create("ravi@clinic.example").ExpectSuccess())
		server := p.Start()
		c := harness.NewHTTPClient(t, server.WaitReady())
		c.Token = c.Call("POST", "/api/auth/login/", harness.AshaLogin, 200)["access"].(string)

		t.Run("create an administrator", func(t *testing.T) {
			require.Len(t, c.List("/api/users/"), 2)
		})
		t.Run("change permissions of a running server from the next request on", func(t *testing.T) {
			login := object{"email": "ravi@clinic.example", "password": "correct horse"}
			ravi := harness.NewHTTPClient(t, c.URL)
			ravi.Token = ravi.Call("POST", "/api/auth/login/", login, 200)["access"].(string)
			ravi.Call("GET", "/api/users/", nil, 403)
			require.Equal(t, "changed: ravi@clinic.example, admin, active\n",
				p.Run("user", "promote", "--yes", "RAVI@clinic.example").ExpectSuccess())
			ravi.Call("GET", "/api/users/", nil, 200)
			require.Equal(t, "changed: ravi@clinic.example, staff, active\n",
				p.Run("user", "demote", "--yes", "ravi@clinic.example").ExpectSuccess())
			ravi.Call("GET", "/api/users/", nil, 403)
			require.Equal(t, "changed: ravi@clinic.example, staff, disabled\n",
				p.Run("user", "disable", "--yes", "ravi@clinic.example").ExpectSuccess())
			ravi.Call("GET", "/api/patients/", nil, 401)
			require.Equal(t, "changed: ravi@clinic.example, staff, active\n",
				p.Run("user", "enable", "--yes", "ravi@clinic.example").ExpectSuccess())
			ravi.Call("GET", "/api/patients/", nil, 401)
			ravi.Call("POST", "/api/auth/login/", login, 200)
		})
		t.Run("list users", func(t *testing.T) {
			all := strings.Split(strings.TrimSpace(p.Run("user", "list").ExpectSuccess()), "\n")
			require.Len(t, all, 3, "including the heading")
			require.Regexp(t, `^ravi@clinic.example +Asha Rao +staff +true +\d{4}-\d\d-\d\d +[0-9a-f-]{36}$`, all[1])
			require.Len(
				t, strings.Split(strings.TrimSpace(p.Run("user", "list", "--role", "admin").ExpectSuccess()), "\n"), 2)
			p.Run("user", "list", "--role", "boss").ExpectFailure(1,
				"role: Must be one of admin, auditor, doctor, patient, privacy, staff")
		})
		t.Run("accept an id", func(t *testing.T) {
			done := p.Run("user", "promote", userIDs(p)["ravi@clinic.example"], "-y", "--role", "auditor")
			require.Equal(t, "changed: ravi@clinic.example, auditor, active\n", done.ExpectSuccess())
			p.Run("user", "demote", "--yes", strings.ToUpper(userIDs(p)["ravi@clinic.example"])).ExpectSuccess()
			p.Run("user", "demote", "--yes", "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b").ExpectFailure(1, "No such user")
		})
		t.Run("verify an address", func(t *testing.T) {
			done := p.Run("user", "verify", "--yes", "RAVI@clinic.example").ExpectSuccess()
			require.Equal(t, "verified: ravi@clinic.example, staff, active\n", done)
		})
		t.Run("change nothing without --yes or a terminal", func(t *testing.T) {
			for _, verb := range []string{"promote", "demote", "disable", "enable", "verify"} {
				p.RunWithInput("y\n", "user", verb, "ravi@clinic.example").ExpectFailure(1, "pass --yes")
			}
			require.Contains(t, p.Run("user", "list", "--search", "ravi").ExpectSuccess(), " staff ")
		})
		t.Run("reject text that is not UTF-8 or has NUL", func(t *testing.T) {
			for _, password := range []string{"caf\xe9 passw\xf6rd", "correct\x00horse"} {
				p.RunWithInput(password+"\n", "user", "password", "--yes",
					"asha@clinic.example").ExpectFailure(harness.ExitFailure, "Must be text in UTF-8, without NUL.")
				p.RunWithInput(password+"\n", "user", "create", "--name", "B", "--email",
					"b@clinic.example").ExpectFailure(harness.ExitFailure, "Must be text in UTF-8")
			}
			p.RunWithInput("correct horse\n", "user", "create", "--name", "caf\xe9", "--email",
				"b@clinic.example").ExpectFailure(harness.ExitFailure, "Must be text in UTF-8")
			p.RunWithInput("\ufeffcorrect horse\n", "user", "password", "--yes", "asha@clinic.example").ExpectSuccess()
		})
		t.Run("set a password and end all sessions", func(t *testing.T) {
			ravi := harness.NewHTTPClient(t, c.URL)
			login := object{"email": "ravi@clinic.example", "password": "correct horse"}
			signedIn := ravi.Call("POST", "/api/auth/login/", login, 200)
			ravi.Token = signedIn["access"].(string)
			require.Equal(t, "password set: ravi@clinic.example, staff, active\n",
				p.RunWithInput("another horse\r\n", "user", "password", "RAVI@clinic.example").ExpectSuccess())
			ravi.Call("GET", "/api/patients/", nil, 401)
			ravi.Call("POST", "/api/auth/refresh/", object{"refresh": signedIn["refresh"]}, 401)
			ravi.Call("POST", "/api/auth/login/", object{"email": "ravi@clinic.example", "password": "correct horse"},
				401)
			ravi.Call("POST", "/api/auth/login/", object{"email": "ravi@clinic.example", "password": "another horse"},
				200)
			p.RunWithInput("short\n", "user", "password", "ravi@clinic.example").ExpectFailure(1,
				"password: Must have at least 8")
			p.RunWithInput("          \n", "user", "password", "ravi@clinic.example").ExpectFailure(1,
				"password: This field may not be blank")
			p.RunWithInput("", "user", "password", "ravi@clinic.example").ExpectFailure(1, "no password")
			p.RunWithInput("correct horse\n", "user", "password", "nobody@clinic.example").ExpectFailure(1,
				"No such user")
			p.RunWithInput("correct horse\n", "user", "password", "ravi@clinic.example").ExpectSuccess()
			entries := 0
			for _, e := range audittest.Entries(t.Context(), t, openDatabase(t, db)) {
				if e["action"] == "password_changed" && e["role"] == "operator" {
					entries++
				}
			}
			require.Equal(t, 3, entries)
		})
		t.Run("find an address in every spelling, and require the id if several accounts have it",
			func(t *testing.T) {
				require.Equal(t, "created: zoë@bücher.example, staff, active\n",
					create("zoë@bücher.example").ExpectSuccess())
				create("zoe\u0308@xn--bcher-kva.example").ExpectFailure(1, "already exists")
				create("zo\u200bë@bücher.example").ExpectFailure(1,
					"email: Must not contain spaces, control characters or invisible characters")
				require.Equal(t, "changed: zoë@bücher.example, staff, disabled\n",
					p.Run("user", "disable", "--yes", "ZOË@xn--bcher-kva.example.").ExpectSuccess())
				store := openDatabase(t, db)
				require.NoError(
					t, store.Write(t.Context()).Exec(
						`INSERT INTO users (id, name, email, mailbox, username, password_hash, role, active,
					token_version, search_text, version, created_at, updated_at)
				SELECT '0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b', name, 'zoë@xn--bcher-kva.example',
					'zoë@xn--bcher-kva.example', 'z', password_hash, role, active, 0, '', 1, created_at, updated_at
				FROM users WHERE mailbox = 'zoë@bücher.example'`).Error)
				rejected := p.Run("user", "enable", "--yes", "zoë@bücher.example")
				requireUnchanged(
					rejected, "several accounts have this address in different spellings: pass the id of one")
				require.Contains(t, rejected.Stderr,
					"0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b  zoë@xn--bcher-kva.example  ")
				require.Contains(t, rejected.Stderr, userIDs(p)["zoë@bücher.example"]+"  zoë@bücher.example  ")
				requireUnchanged(p.RunWithInput("correct horse\n", "user", "password", "zoë@bücher.example"),
					"several accounts")
				require.Equal(t, "changed: zoë@xn--bcher-kva.example, staff, active\n",
					p.Run("user", "enable", "--yes", "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b").ExpectSuccess())
			})
		t.Run("print the reason of a failure", func(t *testing.T) {
			p.Run("user", "demote", "--yes", "asha@clinic.example").ExpectFailure(1, "last active administrator")
			p.Run("user", "disable", "--yes", "asha@clinic.example").ExpectFailure(1, "last active administrator")
			p.Run("user", "promote", "--yes", "nobody@clinic.example").ExpectFailure(1, "No such user")
			p.Run("user", "promote", "--yes", "ravi@clinic.example", "--role", "king").ExpectFailure(1,
				"role: Must be one of admin, auditor, doctor, patient, privacy, staff")
			create("asha@clinic.example").ExpectFailure(1, "already exists")
			create("nobody").ExpectFailure(1, "email: Must be an e-mail address")
			p.RunWithInput("", "user", "create", "--name", "A", "--email", "a@b.example").ExpectFailure(1,
				"no password")
			p.RunWithInput("hunter2\n", "user", "create", "--name", "A", "--email", "a@b.example").ExpectFailure(1,
				"password: Must have at least 8")
			p.Run("user", "create", "--name", "A", "--email", "a@b.example", "--password", "x").ExpectFailure(1,
				"unknown flag: --password")
			p.Run("user", "promot").ExpectFailure(1, "unknown command")
		})
	})
}

// requireUnchanged asserts that a command showed accounts and failed with the message.
func requireUnchanged(o harness.Result, message string) {
	o.T.Helper()
	require.Equal(o.T, 1, o.ExitCode)
	require.Empty(o.T, o.Stdout)
	lines := o.StderrLines()
	require.Contains(o.T, lines[len(lines)-1], message)
	require.Greater(o.T, len(lines), 1)
}

// userIDs returns the ids that user list shows, by address.
func userIDs(p harness.Env) map[string]string {
	p.T.Helper()
	all := map[string]string{}
	for line := range strings.Lines(p.Run("user", "list").ExpectSuccess()) {
		fields := strings.Fields(line)
		all[fields[0]] = fields[len(fields)-1]
	}
	return all
}
