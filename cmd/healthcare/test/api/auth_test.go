package api

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.Anonymous(t)
		good := func(changes object) object {
			body := object{"name": "Asha Rao", "email": "Asha.Rao@Clinic.example", "password": "correct horse"}
			maps.Copy(body, changes)
			return body
		}
		register := func(body any) harness.Response { return c.Do("POST", "/api/auth/register/", body) }

		user := register(good(nil)).Expect(201).Object()["user"].(object)
		require.Equal(t, "Asha.Rao@Clinic.example", user["email"], "the response shows it as registered")
		require.Equal(t, "asha.rao", user["username"])

		register(good(object{"email": "ASHA.rao@clinic.EXAMPLE"})).ExpectProblem(409, "email_taken")
		other := register(good(object{"email": "asha.rao@elsewhere.example"})).Expect(201).Object()["user"].(object)
		require.NotEqual(t, "asha.rao", other["username"], "usernames are made unique")
		require.True(t, strings.HasPrefix(other["username"].(string), "asha.rao-"), other["username"])

		p := register(object{}).ExpectProblem(400, "validation_failed")
		require.Equal(t, map[string][]string{
			"name": {"This field is required."}, "email": {"This field is required."},
			"password": {"This field is required."},
		}, p.Errors)
		p = register(object{"name": " ", "email": "nobody", "password": "short"}).ExpectProblem(400,
			"validation_failed")
		require.Len(t, p.Errors, 3, "all fields at once")
		p = register(object{"name": []int{7}, "email": "nobody", "password": nil}).ExpectProblem(400,
			"validation_failed")
		require.Equal(t, map[string][]string{
			"name": {"Must be a string."}, "email": {"Must be an e-mail address."}, "password": {"May not be null."},
		}, p.Errors, "wrong types and broken rules at once")

		register(good(object{"email": "a@b.example", "password": strings.Repeat("x", 1025)})).ExpectProblem(400,
			"validation_failed")
		register(good(object{"email": "a@b.example", "password": strings.Repeat("x", 1024)})).Expect(201)
		register(good(object{"email": "b@b.example", "name": strings.Repeat("ñ", 256)})).ExpectProblem(400,
			"validation_failed")
		register(good(object{"email": "b@b.example", "name": strings.Repeat("ñ", 255)})).Expect(201)
		register(strings.Repeat(" ", 9000)+"{}").ExpectProblem(413, "body_too_large")
		register("{").ExpectProblem(400, "malformed_json")
		c.Do("POST", "/api/auth/register/", "{}", "Content-Type", "text/plain").ExpectProblem(415,
			"unsupported_media_type")
	})
}

func TestLogin(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		s.NewUser(t, "Asha")
		c := s.Anonymous(t)
		login := func(email, password string) harness.Response {
			return c.Do("POST", "/api/auth/login/", object{"email": email, "password": password})
		}
		login("ASHA@clinic.example", "correct horse").Expect(200)

		wrong := login("asha@clinic.example", "wrong horse").ExpectProblem(401, "invalid_credentials")
		unknown := login("nobody@clinic.example", "correct horse").ExpectProblem(401, "invalid_credentials")
		wrong.RequestID, unknown.RequestID = "", ""
		require.Equal(t, wrong, unknown, "the response does not show whether an account exists")

		require.NoError(t, s.DB.Write(t.Context()).Exec("UPDATE users SET active = ?", false).Error)
		inactive := login("asha@clinic.example", "correct horse").ExpectProblem(401, "invalid_credentials")
		inactive.RequestID = ""
		require.Equal(t, wrong, inactive, "the response does not show that the account is inactive")
		require.Equal(t, `Bearer realm="api"`, login("asha@clinic.example", "x").Header.Get("WWW-Authenticate"))

		require.Len(t, c.Do("POST", "/api/auth/login/", object{}).ExpectProblem(400, "validation_failed").Errors, 2)
		require.Len(t, login("", "").ExpectProblem(400, "validation_failed").Errors, 2)
		c.Do("POST", "/api/auth/login/", object{"email": "asha@clinic.example", "password": "x"}, "Authorization",
			"Bearer nonsense").
			ExpectProblem(401, "invalid_credentials") // the header is ignored
	})
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		s.NewUser(t, "Asha")
		c := s.Anonymous(t)
		refresh := func(
			token any) harness.Response {
			return c.Do("POST", "/api/auth/refresh/", object{"refresh": token})
		}
		first := c.Do("POST", "/api/auth/login/",
			object{"email": "asha@clinic.example", "password": "correct horse"}).Expect(200).Object()

		second := refresh(first["refresh"]).Expect(200).Object()
		require.Equal(t, second["refresh"], refresh(first["refresh"]).Expect(200).Object()["refresh"],
			"the answer may have been lost")
		c.Token = second["access"].(string)
		c.Do("GET", "/api/patients/", nil).Expect(200)
		c.Token = ""

		refresh("nonsense").ExpectProblem(401, "token_not_valid")
		for _, blank := range []string{"", " ", "\t\n"} {
			require.Equal(t, []string{"This field may not be blank."},
				refresh(blank).ExpectProblem(400, "validation_failed").Errors["refresh"])
		}
		for _, wrong := range []any{31, true, nil, []string{}} {
			require.Contains(
				t, s.Anonymous(t).Do("POST", "/api/auth/refresh/", object{"refresh": wrong}).ExpectProblem(400,
					"validation_failed").Errors, "refresh")
		}
		require.Contains(
			t, s.Anonymous(t).Do("POST", "/api/auth/refresh", object{}).ExpectProblem(400, "validation_failed").Errors,
			"refresh")
		challenged := refresh("nonsense").Header.Get("WWW-Authenticate")
		require.Equal(t, `Bearer realm="api"`, challenged, "no access token was sent")
		refresh(second["access"]).ExpectProblem(401, "token_not_valid")
		refresh(7).ExpectProblem(400, "validation_failed")
		c.Do("POST", "/api/auth/refresh/", object{}).ExpectProblem(400, "validation_failed")

		require.NoError(t, s.DB.Write(t.Context()).Exec("UPDATE users SET active = ?", false).Error)
		refresh(second["refresh"]).ExpectProblem(401, "token_not_valid")
		require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM sessions").Error)
		require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM users").Error)
		refresh(second["refresh"]).ExpectProblem(401, "token_not_valid")
	})
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		token := c.Token
		refusedAs := func(why, header, code, challenge string) {
			t.Helper()
			for _, path := range []string{"/api/patients/", "/api/patients", "/api/auth/me/", "/api/auth/sessions/",
				"/api/users/", "/api/audit/"} {
				a := s.Anonymous(t).Do("GET", path, nil, "Authorization", header)
				a.ExpectProblem(401, code)
				require.Equal(t, challenge, a.Header.Get("WWW-Authenticate"), why)
				head := s.Anonymous(t).Do("HEAD", path, nil, "Authorization", header).Expect(401)
				require.Equal(t, challenge, head.Header.Get("WWW-Authenticate"), why)
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
		s.Anonymous(t).Do("GET", "/api/patients/", nil, "Authorization", "bEaReR "+token).Expect(200)
		missing("no scheme", token)
		missing("another scheme", "Basic "+token)
		refused("cut", "Bearer "+token[:len(token)-2])
		missing("empty", "Bearer ")

		require.NoError(t, s.DB.Write(t.Context()).Exec("UPDATE users SET token_version = token_version + 1").Error)
		refused("another token version", "Bearer "+token)
		require.NoError(t, s.DB.Write(t.Context()).Exec("UPDATE users SET token_version = 0, active = ?", false).Error)
		refused("an inactive user", "Bearer "+token)
		require.NoError(t, s.DB.Write(t.Context()).Exec("UPDATE users SET active = ?", true).Error)
		c.Do("GET", "/api/patients/", nil).Expect(200)
		require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM sessions").Error)
		refused("an ended session", "Bearer "+token)
	})
}

// without a token, every operation that is not public is a 401, with any method and body.
func TestR02_OperationsRequireAToken(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		require.GreaterOrEqual(t, callAllWithoutToken(t, s), 18)
	})
}

// callAllWithoutToken calls every operation that is not public, and returns their number.
func callAllWithoutToken(t *testing.T, s *harness.Service) (protected int) {
	const id = "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"
	for path, item := range s.Document.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Extensions["x-access"] == "public" {
				continue
			}
			protected++
			concrete := strings.NewReplacer("{id}", id, "{patient_id}", id).Replace(path)
			s.Anonymous(t).Do(method, concrete, object{}).ExpectProblem(401, "not_authenticated")
			s.Anonymous(t).Do(method, strings.TrimSuffix(concrete, "/"), "{", "Authorization",
				"Bearer x.y.z").ExpectProblem(401, "token_not_valid")
		}
	}
	return protected
}
