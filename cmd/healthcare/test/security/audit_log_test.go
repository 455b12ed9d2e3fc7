package security

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// The access log lists the readers of a patient and their operations, also if a page showed many patients.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUserWithRole(t, auth.Staff, "Asha")
		other, patient := c.AddPatient(), c.AddPatient()
		path := "/api/patients/" + patient + "/"
		create := object{"name": "Ananya Verma", "age": 3, "gender": "Other"}
		for _, request := range []struct {
			method, path string
			body         any
			headers      []string
		}{
			{"GET", path, nil, nil}, {"PATCH", path, object{"notes": "x"}, nil}, {"GET", "/api/patients/", nil, nil},
			{"GET", "/api/patients/?search=ananya", nil, nil},
			{"GET", "/api/patients/?limit=1&ordering=created_at", nil, nil}, // the other patient
			{"GET", "/api/patients/" + other + "/", nil, nil},
		} {
			c.Do(request.method, request.path, request.body, request.headers...).Expect(200)
		}
		c.Assign(patient, c.AddDoctor()).Expect(201)
		c.Do("GET", "/api/mappings/", nil).Expect(200)
		accessLog := func(path string) (all []string) {
			for _, entry := range c.Do("GET", path, nil).Expect(200).List() {
				all = append(all, fmt.Sprint(entry["action"], " ", entry["resource_type"]))
			}
			return all
		}
		require.Equal(t, []string{
			"create Patient", "read Patient", "update Patient", "list Patient", "search Patient", "granted Patient",
			"create Assignment", "list Patient",
		}, accessLog(path+"access-log/?ordering=created_at"), "assignments contain names")
		require.Equal(t, "trail_read AuditEvent", accessLog(path + "access-log/?limit=1")[0], "the reader")
		require.Equal(t, []string{"create Patient", "list Patient"},
			accessLog("/api/patients/" + other + "/access-log/?ordering=created_at")[:2])
		s.NewUserWithRole(t, auth.Staff, "Ravi").Do("GET", path+"access-log/", nil).ExpectProblem(404, "not_found")

		t.Run("a repeated request is recorded as a read of the same patient", func(t *testing.T) {
			c := c.ForTest(t)
			made := c.Do("POST", "/api/patients/", create, "Idempotency-Key", "k").Expect(201).ID()
			require.Equal(t, made, c.Do("POST", "/api/patients/", create, "Idempotency-Key", "k").Expect(201).ID())
			entries := c.Do("GET", "/api/patients/"+made+"/access-log/?ordering=created_at", nil).Expect(200).List()
			require.Len(t, entries, 2)
			require.Equal(t, "read", entries[1]["action"])
			require.EqualValues(t, 200, entries[1]["status"], "the replayed response has the status 201")
		})
		t.Run("a refusal is recorded although it rolls back the idempotency key", func(t *testing.T) {
			ravi := s.NewUserWithRole(t, auth.Staff, "Sita")
			theirs := object{"patient": patient, "doctor": ravi.AddDoctor()}
			a := ravi.ForTest(t).Do("POST", "/api/mappings/", theirs, "Idempotency-Key", "mine").Expect(404)
			entries := s.AuditEntries(t, a.Header.Get("X-Request-Id"))
			require.Len(t, entries, 1)
			require.Equal(t, "refused", entries[0]["action"])
			require.Equal(t, patient, fmt.Sprint(entries[0]["patient_id"]))
		})
	})
}

// The access log has the current names of the actors' accounts, which neither the trail nor the log has.
func TestAccessLogShowsNamesOfActors(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		owner, curious := s.NewUser(t, "Owner-canary"), s.NewUser(t, "Curious-canary")
		auditor, closed := s.NewUserWithRole(t, "auditor", "Auditor-canary"), s.NewUser(t, "Closed-canary")
		path := "/api/patients/" + owner.AddPatient() + "/"
		for _, c := range []*harness.Client{curious, closed} {
			c.Do("GET", path, nil).Expect(404)
		}
		auditor.Do("GET", "/api/audit/?patient="+strings.Split(path, "/")[3], nil).Expect(200)
		names := func() map[string]any {
			names := map[string]any{}
			for _, entry := range owner.Do("GET", path+"access-log/", nil).Expect(200).List() {
				require.Contains(t, entry, "actor_name")
				names[entry["actor"].(string)] = entry["actor_name"]
			}
			return names
		}
		shown := map[string]any{
			owner.UserID(): "Owner-canary", curious.UserID(): "Curious-canary", closed.UserID(): "Closed-canary",
			auditor.UserID(): "Auditor-canary",
		}
		require.Equal(t, shown, names())
		recorded := s.RecordStatements(t)
		sent := func(method string) int {
			recorded.Count()
			owner.Do(method, path+"access-log/", nil).Expect(200)
			return recorded.Count()
		}
		require.Equal(t, sent("GET")-1, sent("HEAD"), "HEAD looks no names up")

		curious.Do("PATCH", "/api/auth/me/", object{"name": "Renamed-canary"}).Expect(200)
		shown[curious.UserID()] = "Renamed-canary"
		require.Equal(t, shown, names(), "the name of today")
		id := closed.UserID()
		s.AddPatients(t, id, 101)
		leave := func(c *harness.Client, status int) {
			c.Do("DELETE", "/api/auth/me/?patients=delete", object{"password": harness.Password}).Expect(status)
		}
		leave(closed, 202)
		shown[id] = nil
		require.Equal(t, shown, names(), "a closed account, also before the job removes it")
		id = curious.UserID()
		leave(curious, 204)
		shown[id] = nil
		require.Equal(t, shown, names(), "an account that was removed")

		for _, entry := range auditor.Do("GET", "/api/audit/", nil).Expect(200).List() {
			require.NotContains(t, entry, "actor_name")
		}
		require.NotContains(t, s.Log.String(), "-canary")
		require.NotContains(t, fmt.Sprint(s.FindAuditEntries(t, func(object) bool { return true })), "-canary")
	})
}

// Every authentication event is recorded, with the user and the outcome.
func TestAuthenticationEventsAreRecorded(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c, admin := s.NewUser(t, "Asha"), s.NewUserWithRole(t, auth.Admin, "Ravi")
		login := object{"email": c.Email(), "password": harness.Password}
		recorded := func(want string, client *harness.Client, status int, method, path string,
			body any) harness.Response {
			t.Helper()
			a := client.Do(method, path, body).Expect(status)
			entries := s.AuditEntries(t, a.Header.Get("X-Request-Id"))
			require.Len(t, entries, 1, "%s %s", method, path)
			require.Equal(
				t, want, fmt.Sprint(entries[0]["action"], " ", entries[0]["resource_type"], " ", entries[0]["outcome"],
					" ", entries[0]["status"]))
			return a
		}
		anybody := s.Anonymous(t)
		recorded("login_failed User refused 401", anybody, 401, "POST", "/api/auth/login/",
			object{"email": c.Email(), "password": "wrong"})
		first := recorded("login Session success 200", anybody, 200, "POST", "/api/auth/login/", login).Object()
		second := recorded("refresh Session success 200", anybody, 200, "POST", "/api/auth/refresh/",
			object{"refresh": first["refresh"]}).Object()
		recorded("refresh Session success 200", anybody, 200, "POST", "/api/auth/refresh/",
			object{"refresh": second["refresh"]})
		recorded("refresh_reused Session refused 401", anybody, 401, "POST", "/api/auth/refresh/",
			object{"refresh": first["refresh"]})
		c.Token = c.SignIn()
		recorded("password_changed User success 204", c, 204, "POST", "/api/auth/password/",
			object{"current_password": harness.Password, "new_password": harness.Password + "2"})
		id := c.Do("GET", "/api/auth/me/", nil).Expect(200).Object()["id"].(string)
		recorded("role_changed User success 200", admin, 200, "PATCH", "/api/users/"+id+"/", object{"role": "auditor"})
		login["password"] = harness.Password + "2"
		c.Token = recorded("login Session success 200", anybody, 200, "POST", "/api/auth/login/",
			login).Object()["access"].(string)
		recorded("trail_read AuditEvent success 200", c, 200, "GET", "/api/audit/?action=login", nil)
		recorded("logout Session success 204", c, 204, "POST", "/api/auth/logout/", nil)
	})
}
