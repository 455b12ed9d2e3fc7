package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.client(t)
		good := func(changes object) object {
			body := object{"name": "Asha Rao", "email": "Asha.Rao@Clinic.example", "password": "correct horse"}
			maps.Copy(body, changes)
			return body
		}
		register := func(body any) answer { return c.do("POST", "/api/auth/register/", body) }

		user := register(good(nil)).is(201).object()["user"].(object)
		require.Equal(t, "Asha.Rao@Clinic.example", user["email"], "answered as registered")
		require.Equal(t, "asha.rao", user["username"])

		register(good(object{"email": "ASHA.rao@clinic.EXAMPLE"})).problem(409, "email_taken")
		other := register(good(object{"email": "asha.rao@elsewhere.example"})).is(201).object()["user"].(object)
		require.NotEqual(t, "asha.rao", other["username"], "usernames are made unique")
		require.True(t, strings.HasPrefix(other["username"].(string), "asha.rao-"), other["username"])

		p := register(object{}).problem(400, "validation_failed")
		require.Equal(t, map[string][]string{
			"name": {"This field is required."}, "email": {"This field is required."}, "password": {"This field is required."},
		}, p.Errors)
		p = register(object{"name": " ", "email": "nobody", "password": "short"}).problem(400, "validation_failed")
		require.Len(t, p.Errors, 3, "all fields at once")
		p = register(object{"name": []int{7}, "email": "nobody", "password": nil}).problem(400, "validation_failed")
		require.Equal(t, map[string][]string{
			"name": {"Must be a string."}, "email": {"Must be an e-mail address."}, "password": {"May not be null."},
		}, p.Errors, "wrong types and broken rules at once")

		register(good(object{"email": "a@b.example", "password": strings.Repeat("x", 1025)})).problem(400, "validation_failed")
		register(good(object{"email": "a@b.example", "password": strings.Repeat("x", 1024)})).is(201)
		register(good(object{"email": "b@b.example", "name": strings.Repeat("ñ", 256)})).problem(400, "validation_failed")
		register(good(object{"email": "b@b.example", "name": strings.Repeat("ñ", 255)})).is(201)
		register(strings.Repeat(" ", 9000)+"{}").problem(413, "body_too_large")
		register("{").problem(400, "malformed_json")
		c.do("POST", "/api/auth/register/", "{}", "Content-Type", "text/plain").problem(415, "unsupported_media_type")
	})
}

func TestLogin(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		s.user(t, "Asha")
		c := s.client(t)
		login := func(email, password string) answer {
			return c.do("POST", "/api/auth/login/", object{"email": email, "password": password})
		}
		login("ASHA@clinic.example", "correct horse").is(200)

		wrong := login("asha@clinic.example", "wrong horse").problem(401, "invalid_credentials")
		unknown := login("nobody@clinic.example", "correct horse").problem(401, "invalid_credentials")
		wrong.RequestID, unknown.RequestID = "", ""
		require.Equal(t, wrong, unknown, "who has an account is not told")

		require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE users SET active = ?", false).Error)
		inactive := login("asha@clinic.example", "correct horse").problem(401, "invalid_credentials")
		inactive.RequestID = ""
		require.Equal(t, wrong, inactive, "nor that it is inactive")
		require.Equal(t, `Bearer realm="api"`, login("asha@clinic.example", "x").header.Get("WWW-Authenticate"))

		require.Len(t, c.do("POST", "/api/auth/login/", object{}).problem(400, "validation_failed").Errors, 2)
		require.Len(t, login("", "").problem(400, "validation_failed").Errors, 2)
		c.do("POST", "/api/auth/login/", object{"email": "asha@clinic.example", "password": "x"}, "Authorization", "Bearer nonsense").
			problem(401, "invalid_credentials") // the header is ignored
	})
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		s.user(t, "Asha")
		c := s.client(t)
		refresh := func(token any) answer { return c.do("POST", "/api/auth/refresh/", object{"refresh": token}) }
		first := c.do("POST", "/api/auth/login/", object{"email": "asha@clinic.example", "password": "correct horse"}).is(200).object()

		second := refresh(first["refresh"]).is(200).object()
		require.Equal(t, second["refresh"], refresh(first["refresh"]).is(200).object()["refresh"], "the answer may have been lost")
		c.token = second["access"].(string)
		c.do("GET", "/api/patients/", nil).is(200)
		c.token = ""

		refresh("nonsense").problem(401, "token_not_valid")
		for _, blank := range []string{"", " ", "\t\n"} {
			require.Equal(t, []string{"This field may not be blank."}, refresh(blank).problem(400, "validation_failed").Errors["refresh"])
		}
		for _, wrong := range []any{31, true, nil, []string{}} {
			require.Contains(t, s.client(t).do("POST", "/api/auth/refresh/", object{"refresh": wrong}).problem(400, "validation_failed").Errors, "refresh")
		}
		require.Contains(t, s.client(t).do("POST", "/api/auth/refresh", object{}).problem(400, "validation_failed").Errors, "refresh")
		challenged := refresh("nonsense").header.Get("WWW-Authenticate")
		require.Equal(t, `Bearer realm="api"`, challenged, "no access token was sent")
		refresh(second["access"]).problem(401, "token_not_valid")
		refresh(7).problem(400, "validation_failed")
		c.do("POST", "/api/auth/refresh/", object{}).problem(400, "validation_failed")

		require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE users SET active = ?", false).Error)
		refresh(second["refresh"]).problem(401, "token_not_valid")
		require.NoError(t, s.db.Write(t.Context()).Exec("DELETE FROM sessions").Error)
		require.NoError(t, s.db.Write(t.Context()).Exec("DELETE FROM users").Error)
		refresh(second["refresh"]).problem(401, "token_not_valid")
	})
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		token := c.token
		refusedAs := func(why, header, code, challenge string) {
			t.Helper()
			for _, path := range []string{"/api/patients/", "/api/patients", "/api/auth/me/", "/api/auth/sessions/", "/api/users/", "/api/audit/"} {
				a := s.client(t).do("GET", path, nil, "Authorization", header)
				a.problem(401, code)
				require.Equal(t, challenge, a.header.Get("WWW-Authenticate"), why)
				head := s.client(t).do("HEAD", path, nil, "Authorization", header).is(401)
				require.Equal(t, challenge, head.header.Get("WWW-Authenticate"), why)
			}
		}
		missing := func(why, header string) {
			t.Helper()
			refusedAs(why, header, "not_authenticated", `Bearer realm="api"`)
		}
		refused := func(why, header string) {
			t.Helper()
			refusedAs(why, header, "token_not_valid", `Bearer realm="api", error="invalid_token"`)
		}
		s.client(t).do("GET", "/api/patients/", nil, "Authorization", "bEaReR "+token).is(200)
		missing("no scheme", token)
		missing("another scheme", "Basic "+token)
		refused("cut", "Bearer "+token[:len(token)-2])
		missing("empty", "Bearer ")

		require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE users SET token_version = token_version + 1").Error)
		refused("another token version", "Bearer "+token)
		require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE users SET token_version = 0, active = ?", false).Error)
		refused("an inactive user", "Bearer "+token)
		require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE users SET active = ?", true).Error)
		c.do("GET", "/api/patients/", nil).is(200)
		require.NoError(t, s.db.Write(t.Context()).Exec("DELETE FROM sessions").Error)
		refused("an ended session", "Bearer "+token)
	})
}

// without a token every operation that is not public is a 401, whatever the verb and the body.
func TestR02_NoTokenNoEntry(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		require.GreaterOrEqual(t, s.callEverythingWithoutToken(t), 18)
	})
}

// callEverythingWithoutToken calls every operation that is not public, and says how many there are.
func (s *service) callEverythingWithoutToken(t *testing.T) (protected int) {
	const id = "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"
	for path, item := range s.document.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Extensions["x-access"] == "public" {
				continue
			}
			protected++
			concrete := strings.NewReplacer("{id}", id, "{patient_id}", id).Replace(path)
			s.client(t).do(method, concrete, object{}).problem(401, "not_authenticated")
			s.client(t).do(method, strings.TrimSuffix(concrete, "/"), "{", "Authorization", "Bearer x.y.z").problem(401, "token_not_valid")
		}
	}
	return protected
}
