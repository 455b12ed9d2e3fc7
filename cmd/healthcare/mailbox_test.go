package main

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

	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// spelledZoe are spellings of one mailbox; the first is registered.
var spelledZoe = []string{
	"Zoë@bücher.example", "zoe\u0308@bu\u0308cher.example", "ZOË@XN--BCHER-KVA.example", "zoë@xn--bcher-kva.example.", "ｚoë@bücher.example", "zoë@bücher.example.",
}

// pastedZoe are spellings that nobody can register, but that a paste may bring.
var pastedZoe = []string{"zo\u200bë@bücher.example", "\ufeffzoë@bücher.example", "zoë@bücher。example", "zoë＠bücher.example"}

func signInAs(email string) object { return object{"email": email, "password": password} }

func newcomer(email string) object {
	return object{"name": "Zoë", "email": email, "password": password}
}

// oldRelease adds a user as the release before user_mailboxes does beside this one, with everybody's password.
func (s *service) oldRelease(t *testing.T, email string) string {
	t.Helper()
	lower := strings.ToLower(strings.TrimSpace(email))
	var hash string
	require.NoError(t, s.db.Read(t.Context()).Raw("SELECT password_hash FROM users LIMIT 1").Scan(&hash).Error)
	id, at := uuid.Must(uuid.NewV7()), database.At(time.Now())
	require.NoError(t, s.db.Write(t.Context()).Exec(`INSERT INTO users
		(id, name, email, mailbox, username, password_hash, role, active, token_version, search_text, version, created_at, updated_at)
		VALUES (?, 'Old', ?, ?, ?, ?, 'staff', ?, 0, '', 1, ?, ?)`, id, email, lower, id.String(), hash, true, at, at).Error)
	return id.String()
}

// whoIs signs in and tells who that is.
func (s *service) whoIs(t *testing.T, email string) string {
	t.Helper()
	c := s.client(t)
	c.token = c.do("POST", "/api/auth/login/", signInAs(email)).is(200).object()["access"].(string)
	return c.id()
}

func TestOneMailboxIsOneAccount(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c, admin := s.client(t), s.as(t, "admin", "Boss")
		registered := c.do("POST", "/api/auth/register/", newcomer(" "+spelledZoe[0]+" ")).is(201).object()["user"].(object)
		require.Equal(t, spelledZoe[0], registered["email"], "as it was typed")
		require.Equal(t, "zoë", registered["username"])
		for _, spelling := range append(spelledZoe, pastedZoe...) {
			t.Run(fmt.Sprintf("%+q signs in", spelling), func(t *testing.T) { require.Equal(t, registered["id"], s.whoIs(t, spelling)) })
		}
		for _, spelling := range spelledZoe {
			t.Run(fmt.Sprintf("%+q is taken", spelling), func(t *testing.T) {
				c.in(t).do("POST", "/api/auth/register/", newcomer(spelling)).problem(409, "email_taken")
				admin.in(t).do("POST", "/api/users/", newcomer(spelling), "Idempotency-Key", url.QueryEscape(spelling)).problem(409, "email_taken")
			})
		}
		for _, spelling := range []string{"zo\u200bë@clinic.example", "zo\u202eë@clinic.example", "zoë@clin\u00adic.example", "z\u0007@clinic.example", "z\u3164@clinic.example"} {
			t.Run(fmt.Sprintf("%+q is refused of a new account", spelling), func(t *testing.T) {
				for _, answer := range []answer{
					c.in(t).do("POST", "/api/auth/register/", newcomer(spelling)), admin.in(t).do("POST", "/api/users/", newcomer(spelling)),
				} {
					require.Contains(t, answer.problem(400, "validation_failed").Errors, "email")
				}
			})
		}
		t.Run("the address is free at once when the account has gone", func(t *testing.T) {
			zoe := s.client(t)
			zoe.token = zoe.do("POST", "/api/auth/login/", signInAs(spelledZoe[1])).is(200).object()["access"].(string)
			zoe.do("DELETE", "/api/auth/me/", object{"password": password}).is(204)
			c.do("POST", "/api/auth/register/", newcomer(spelledZoe[3])).is(201)
		})
	})
}

func TestR31_OneMailboxRegisteredAtOnceInManySpellings(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		counts := atOnce(120, func(i int) answer {
			return s.client(t).do("POST", "/api/auth/register/", newcomer(spelledZoe[i%len(spelledZoe)]))
		})
		require.Equal(t, map[int]int{201: 1, 409: 119}, counts)
		require.Len(t, s.stored(t)["users"], 1)
		require.Len(t, s.stored(t)["user_mailboxes"], 1)
	})
}

func TestAllSpellingsAreThrottledAsOne(t *testing.T) {
	t.Parallel()
	eachMoment(t, func(t *testing.T, s *service) {
		c := s.client(t)
		c.do("POST", "/api/auth/register/", newcomer(spelledZoe[0])).is(201)
		for i, spelling := range append(spelledZoe[1:4:4], pastedZoe...) {
			a := c.do("POST", "/api/auth/login/", object{"email": spelling, "password": "wrong horse"})
			require.Equal(t, map[bool]int{true: 401, false: 429}[i < 3], a.status, "%d: %+q", i, spelling)
		}
	}, func(cfg *config.Config) { cfg.SignInFreeAttempts = 3 })
}

func TestAccountsOfAnOldReleaseBesideThisOne(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		s.user(t, "Asha")
		c, old := s.client(t), s.oldRelease(t, "Ravi@bücher.example")
		t.Run("sign in at once", func(t *testing.T) { require.Equal(t, old, s.whoIs(t, "ravi@BÜCHER.example")) })
		t.Run("keep others from their mailbox", func(t *testing.T) {
			c.do("POST", "/api/auth/register/", newcomer("ravi@xn--bcher-kva.example")).problem(409, "email_taken")
			require.Equal(t, old, s.whoIs(t, "ravi@xn--bcher-kva.example"))
		})
		t.Run("keep others from it also after a registration that was undone", func(t *testing.T) {
			admin, beside := s.as(t, "admin", "Boss"), s.oldRelease(t, "beside@bücher.example")
			admin.do("POST", "/api/users/", newcomer("asha@clinic.example"), "Idempotency-Key", "undone").problem(409, "email_taken")
			admin.do("POST", "/api/users/", newcomer("beside@xn--bcher-kva.example"), "Idempotency-Key", "k").problem(409, "email_taken")
			require.Equal(t, beside, s.whoIs(t, "beside@bücher.example"))
		})
		t.Run("sign in with invisible characters as they were registered", func(t *testing.T) {
			hidden := s.oldRelease(t, "hid\u200bden@clinic.example")
			require.Equal(t, hidden, s.whoIs(t, "hid\u200bden@clinic.example"))
		})
		t.Run("free their mailbox when an old release deletes them", func(t *testing.T) {
			require.NoError(t, s.db.Write(t.Context()).Exec("DELETE FROM sessions WHERE user_id = ?", old).Error)
			require.NoError(t, s.db.Write(t.Context()).Exec("DELETE FROM users WHERE id = ?", old).Error)
			c.do("POST", "/api/auth/login/", signInAs("ravi@bücher.example")).problem(401, "invalid_credentials")
			c.do("POST", "/api/auth/register/", newcomer("ravi@xn--bcher-kva.example")).is(201)
		})
	})
}

// Accounts of the time before user_mailboxes are as they were, and every mailbox is on record before the first request.
func TestAccountsThatShareAMailbox(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		emails := []string{"Zoë@xn--bcher-kva.example", "zoë@bücher.example", "zoë@bücher.example."}
		var ids []string
		t.Run("before", func(t *testing.T) {
			s := startService(t, db)
			s.user(t, "Asha")
			for _, email := range emails {
				ids = append(ids, s.oldRelease(t, email))
			}
			require.NoError(t, s.db.Write(t.Context()).Exec("DELETE FROM user_mailboxes").Error)
		})
		s := startService(t, db)
		for i, email := range emails {
			require.Equal(t, ids[i], s.whoIs(t, email), "exactly as registered")
		}
		require.Equal(t, ids[0], s.whoIs(t, "ZOË@bu\u0308cher.example"), "every other spelling is the oldest's")
		s.client(t).do("POST", "/api/auth/register/", newcomer("zoë@BÜCHER.example")).problem(409, "email_taken")
		require.Contains(t, s.log.String(), fmt.Sprintf(`"accounts":["%s","%s","%s"]`, ids[0], ids[1], ids[2]))
		for _, part := range []string{"zoë", "Zoë", "bücher", "bcher-kva"} {
			require.NotContains(t, s.log.String(), part)
		}
		require.NoError(t, s.db.Write(t.Context()).Exec("DELETE FROM sessions").Error)
		require.NoError(t, s.db.Write(t.Context()).Exec("DELETE FROM users WHERE id = ?", ids[0]).Error)
		require.Equal(t, ids[1], s.whoIs(t, "ZOË@bu\u0308cher.example"), "the next oldest inherits them")
	})
}

func TestPasswordsOfWhiteSpaceAlone(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c, admin := s.user(t, "Asha"), s.as(t, "admin", "Boss")
		for _, blank := range []string{strings.Repeat(" ", 8), "\t\n \u00a0\u3000\u2003\u2028\u1680", strings.Repeat("\u200b", 8), "\u3164\u00ad\u2800\ufeff    "} {
			t.Run(fmt.Sprintf("%+q is refused when it is set", blank), func(t *testing.T) {
				body := object{"name": "N", "email": "n@clinic.example", "password": blank}
				for field, answer := range map[string]answer{
					"password":     s.client(t).do("POST", "/api/auth/register/", body),
					"password ":    admin.in(t).do("POST", "/api/users/", body),
					"new_password": c.in(t).do("POST", "/api/auth/password/", object{"current_password": password, "new_password": blank}),
				} {
					require.Contains(t, answer.problem(400, "validation_failed").Errors, strings.TrimSpace(field))
				}
			})
		}
		t.Run("is still good where it was set before", func(t *testing.T) {
			salt := []byte("a salt of 16 b..")
			hash := argon2.IDKey([]byte("        "), salt, 1, 64, 1, 32)
			phc := fmt.Sprintf("$argon2id$v=19$m=64,t=1,p=1$%s$%s", base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(hash))
			require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE users SET password_hash = ? WHERE mailbox = ?", phc, c.email()).Error)
			in := s.client(t)
			in.token = in.do("POST", "/api/auth/login/", object{"email": c.email(), "password": "        "}).is(200).object()["access"].(string)
			in.do("POST", "/api/auth/password/", object{"current_password": "        ", "new_password": password}).is(204)
		})
	})
}
