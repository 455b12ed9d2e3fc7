package api

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/argon2"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// spelledZoe lists spellings of one mailbox. The first is registered.
var spelledZoe = []string{
	"Zoë@bücher.example", "zoe\u0308@bu\u0308cher.example", "ZOË@XN--BCHER-KVA.example", "zoë@xn--bcher-kva.example.",
	"ｚoë@bücher.example", "zoë@bücher.example.",
}

// pastedZoe lists spellings that cannot be registered, but may result from pasting.
var pastedZoe = []string{"zo\u200bë@bücher.example", "\ufeffzoë@bücher.example", "zoë@bücher。example",
	"zoë＠bücher.example"}

func signInAs(email string) object { return object{"email": email, "password": harness.Password} }

func registrationOf(email string) object {
	return object{"name": "Zoë", "email": email, "password": harness.Password}
}

// addUserOfOldRelease adds a user as the release before user_mailboxes does, with the common password.
func addUserOfOldRelease(t *testing.T, s *harness.Service, email string) string {
	t.Helper()
	lower := strings.ToLower(strings.TrimSpace(email))
	var hash string
	require.NoError(t, s.DB.Read(t.Context()).Raw("SELECT password_hash FROM users LIMIT 1").Scan(&hash).Error)
	id, at := uuid.Must(uuid.NewV7()), database.At(time.Now())
	require.NoError(t, s.DB.Write(t.Context()).Exec(`INSERT INTO users
		(id, name, email, mailbox, username, password_hash, role, active,
			token_version, search_text, version, created_at, updated_at)
		VALUES (?, 'Old', ?, ?, ?, ?, 'staff', ?, 0, '', 1, ?, ?)`,
		id, email, lower, id.String(), hash, true, at, at).Error)
	return id.String()
}

// nameOf signs in and returns the name of the account.
func nameOf(t *testing.T, s *harness.Service, email string) string {
	t.Helper()
	c := s.Anonymous(t)
	c.Token = c.Do("POST", "/api/auth/login/", signInAs(email)).Expect(200).Object()["access"].(string)
	return c.UserID()
}

func TestOneMailboxIsOneAccount(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c, admin := s.Anonymous(t), s.NewUserWithRole(t, "admin", "Boss")
		registered := c.Do("POST", "/api/auth/register/",
			registrationOf(" "+spelledZoe[0]+" ")).Expect(201).Object()["user"].(object)
		require.Equal(t, spelledZoe[0], registered["email"], "as it was sent")
		require.Equal(t, "zoë", registered["username"])
		for _, spelling := range append(spelledZoe, pastedZoe...) {
			t.Run(fmt.Sprintf("%+q signs in", spelling),
				func(t *testing.T) { require.Equal(t, registered["id"], nameOf(t, s, spelling)) })
		}
		for _, spelling := range spelledZoe {
			t.Run(fmt.Sprintf("%+q is in use", spelling), func(t *testing.T) {
				c.ForTest(t).Do("POST", "/api/auth/register/", registrationOf(spelling)).ExpectProblem(409,
					"email_taken")
				admin.ForTest(t).Do("POST", "/api/users/", registrationOf(spelling), "Idempotency-Key",
					url.QueryEscape(spelling)).ExpectProblem(409, "email_taken")
			})
		}
		for _, spelling := range []string{"zo\u200bë@clinic.example", "zo\u202eë@clinic.example",
			"zoë@clin\u00adic.example", "z\u0007@clinic.example", "z\u3164@clinic.example"} {
			t.Run(fmt.Sprintf("%+q cannot be registered", spelling), func(t *testing.T) {
				for _, answer := range []harness.Response{
					c.ForTest(t).Do("POST", "/api/auth/register/", registrationOf(spelling)),
					admin.ForTest(t).Do("POST", "/api/users/", registrationOf(spelling)),
				} {
					require.Contains(t, answer.ExpectProblem(400, "validation_failed").Errors, "email")
				}
			})
		}
		t.Run("the address is available after the account is deleted", func(t *testing.T) {
			zoe := s.Anonymous(t)
			zoe.Token = zoe.Do("POST", "/api/auth/login/",
				signInAs(spelledZoe[1])).Expect(200).Object()["access"].(string)
			zoe.Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).Expect(204)
			c.Do("POST", "/api/auth/register/", registrationOf(spelledZoe[3])).Expect(201)
		})
	})
}

func TestR31_ConcurrentRegistrationsOfOneMailboxInManySpellings(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		counts := harness.Concurrently(120, func(i int) harness.Response {
			return s.Anonymous(t).Do("POST", "/api/auth/register/", registrationOf(spelledZoe[i%len(spelledZoe)]))
		})
		require.Equal(t, map[int]int{201: 1, 409: 119}, counts)
		require.Len(t, s.StoredRows(t)["users"], 1)
		require.Len(t, s.StoredRows(t)["user_mailboxes"], 1)
	})
}

func TestSpellingsShareOneThrottle(t *testing.T) {
	t.Parallel()
	eachMoment(t, func(t *testing.T, s *harness.Service) {
		c := s.Anonymous(t)
		c.Do("POST", "/api/auth/register/", registrationOf(spelledZoe[0])).Expect(201)
		for i, spelling := range append(spelledZoe[1:4:4], pastedZoe...) {
			a := c.Do("POST", "/api/auth/login/", object{"email": spelling, "password": "wrong horse"})
			require.Equal(t, map[bool]int{true: 401, false: 429}[i < 3], a.Status, "%d: %+q", i, spelling)
		}
	}, func(cfg *config.Config) { cfg.SignInFreeAttempts = 3 })
}

func TestAccountsOfAnOldRelease(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		s.NewUser(t, "Asha")
		c, old := s.Anonymous(t), addUserOfOldRelease(t, s, "Ravi@bücher.example")
		t.Run("sign in at once", func(t *testing.T) { require.Equal(t, old, nameOf(t, s, "ravi@BÜCHER.example")) })
		t.Run("reserve their mailbox", func(t *testing.T) {
			c.Do("POST", "/api/auth/register/", registrationOf("ravi@xn--bcher-kva.example")).ExpectProblem(409,
				"email_taken")
			require.Equal(t, old, nameOf(t, s, "ravi@xn--bcher-kva.example"))
		})
		t.Run("reserve it also after a registration that was rolled back", func(t *testing.T) {
			admin, beside := s.NewUserWithRole(t, "admin", "Boss"), addUserOfOldRelease(t, s, "beside@bücher.example")
			admin.Do("POST", "/api/users/", registrationOf("asha@clinic.example"), "Idempotency-Key",
				"undone").ExpectProblem(409, "email_taken")
			admin.Do("POST", "/api/users/", registrationOf("beside@xn--bcher-kva.example"), "Idempotency-Key",
				"k").ExpectProblem(409, "email_taken")
			require.Equal(t, beside, nameOf(t, s, "beside@bücher.example"))
		})
		t.Run("sign in with invisible characters as they were registered", func(t *testing.T) {
			hidden := addUserOfOldRelease(t, s, "hid\u200bden@clinic.example")
			require.Equal(t, hidden, nameOf(t, s, "hid\u200bden@clinic.example"))
		})
		t.Run("free their mailbox when an old release deletes them", func(t *testing.T) {
			require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM sessions WHERE user_id = ?", old).Error)
			require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM users WHERE id = ?", old).Error)
			c.Do("POST", "/api/auth/login/", signInAs("ravi@bücher.example")).ExpectProblem(401, "invalid_credentials")
			c.Do("POST", "/api/auth/register/", registrationOf("ravi@xn--bcher-kva.example")).Expect(201)
		})
	})
}

// Accounts from before user_mailboxes stay unchanged, and every mailbox is recorded before the first request.
func TestAccountsThatShareAMailbox(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		emails := []string{"Zoë@xn--bcher-kva.example", "zoë@bücher.example", "zoë@bücher.example."}
		var ids []string
		t.Run("before", func(t *testing.T) {
			s := harness.Start(t, db)
			s.NewUser(t, "Asha")
			for _, email := range emails {
				ids = append(ids, addUserOfOldRelease(t, s, email))
			}
			require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM user_mailboxes").Error)
		})
		s := harness.Start(t, db)
		for i, email := range emails {
			require.Equal(t, ids[i], nameOf(t, s, email), "exactly as registered")
		}
		require.Equal(t, ids[0], nameOf(t, s, "ZOË@bu\u0308cher.example"), "the oldest account has the others")
		s.Anonymous(t).Do("POST", "/api/auth/register/", registrationOf("zoë@BÜCHER.example")).ExpectProblem(409,
			"email_taken")
		require.Contains(t, s.Log.String(), fmt.Sprintf(`"accounts":["%s","%s","%s"]`, ids[0], ids[1], ids[2]))
		for _, part := range []string{"zoë", "Zoë", "bücher", "bcher-kva"} {
			require.NotContains(t, s.Log.String(), part)
		}
		require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM sessions").Error)
		require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM users WHERE id = ?", ids[0]).Error)
		require.Equal(t, ids[1], nameOf(t, s, "ZOË@bu\u0308cher.example"), "the next oldest account has them")
	})
}

func TestPasswordsOfWhiteSpaceOnly(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c, admin := s.NewUser(t, "Asha"), s.NewUserWithRole(t, "admin", "Boss")
		for _, blank := range []string{strings.Repeat(" ", 8), "\t\n \u00a0\u3000\u2003\u2028\u1680",
			strings.Repeat("\u200b", 8), "\u3164\u00ad\u2800\ufeff    "} {
			t.Run(fmt.Sprintf("%+q cannot be set", blank), func(t *testing.T) {
				body := object{"name": "N", "email": "n@clinic.example", "password": blank}
				for field, answer := range map[string]harness.Response{
					"password":  s.Anonymous(t).Do("POST", "/api/auth/register/", body),
					"password ": admin.ForTest(t).Do("POST", "/api/users/", body),
					"new_password": c.ForTest(t).Do("POST", "/api/auth/password/",
						object{"current_password": harness.Password, "new_password": blank}),
				} {
					require.Contains(t, answer.ExpectProblem(400, "validation_failed").Errors, strings.TrimSpace(field))
				}
			})
		}
		t.Run("an existing one stays valid", func(t *testing.T) {
			salt := []byte("a salt of 16 b..")
			hash := argon2.IDKey([]byte("        "), salt, 1, 64, 1, 32)
			phc := fmt.Sprintf("$argon2id$v=19$m=64,t=1,p=1$%s$%s", base64.RawStdEncoding.EncodeToString(salt),
				base64.RawStdEncoding.EncodeToString(hash))
			require.NoError(
				t, s.DB.Write(t.Context()).Exec("UPDATE users SET password_hash = ? WHERE mailbox = ?", phc,
					c.Email()).Error)
			in := s.Anonymous(t)
			in.Token = in.Do("POST", "/api/auth/login/",
				object{"email": c.Email(), "password": "        "}).Expect(200).Object()["access"].(string)
			in.Do("POST", "/api/auth/password/",
				object{"current_password": "        ", "new_password": harness.Password}).Expect(204)
		})
	})
}
