package volume

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/config"
)

// TestStatementsOfEachRoute has each route send as many statements as its module expects, with few records and with
// many: no route sends one more for each record. The statements of the session and of the audit trail are included
// (three, and a fourth if a patient is named). BEGIN and COMMIT are not counted.
func TestStatementsOfEachRoute(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		recorded := s.RecordStatements(t)
		few, many := countStatements(t, s, recorded, "Asha", 1), countStatements(t, s, recorded, "Ravi", 25)
		require.Equal(t, few, many, "with 1 record of each kind, and with 25")
		expected := harness.Expectations(t)
		for _, r := range s.Routes() {
			assert.Equal(t, expected[r.String()].Statements, many[r.String()],
				"statements of %s %s, in testdata/operations.txt of its module and as sent", r.Method, r.Path)
		}
	}, func(c *config.Config) { c.DoctorDirectory = "open" })
}

// countStatements calls every route once, as a user who has n patients with n doctors assigned to each of them, and
// returns the numbers of statements by Route.String.
func countStatements(t *testing.T, s *harness.Service, recorded *harness.StatementRecorder, name string,
	n int) map[string]string {
	counted := map[string]string{}
	c, auditor := s.NewUserWithRole(t, auth.Admin, name), s.NewUserWithRole(t, "auditor", name+"Auditor")
	other, leaver := s.NewUser(t, name+"Other"), s.NewUser(t, name+"Leaver")
	patient, doctor := c.AddPatient(), c.AddDoctor()
	mapping := c.Assign(patient, doctor).Expect(201).ID()
	for range n - 1 {
		another := c.AddPatient()
		c.Assign(another, doctor).Expect(201)
		c.Assign(patient, c.AddDoctor()).Expect(201)
		leaver.Assign(leaver.AddPatient(), doctor).Expect(201)
		other.SignIn()
	}
	leaver.Assign(leaver.AddPatient(), doctor).Expect(201)
	ask := func(c *harness.Client, method, route, id string, body any) harness.Response {
		r := route
		if id != "" {
			before, after, _ := strings.Cut(route, "{")
			_, rest, _ := strings.Cut(after, "}")
			r = before + id + rest
		}
		recorded.Count()
		a := c.Do(method, r, body)
		path, _, _ := strings.Cut(route, "?")
		counted[path+" "+method] = strconv.Itoa(recorded.Count())
		require.Less(t, a.Status, 300, "%s %s: %s", method, route, a.Body)
		return a
	}
	whole := object{"name": "Ananya Verma", "age": 32, "gender": "Other"}
	ask(c, "POST", "/api/patients/", "", whole)
	ask(c, "GET", "/api/patients/", "", nil)
	ask(c, "GET", "/api/patients/{id}/", patient, nil)
	ask(c, "PUT", "/api/patients/{id}/", patient, whole)
	ask(c, "PATCH", "/api/patients/{id}/", patient, object{"notes": "x"})
	ask(c, "GET", "/api/patients/{id}/access-log/", patient, nil)
	made := ask(c, "POST", "/api/doctors/", "",
		object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9}).ID()
	ask(c, "GET", "/api/doctors/", "", nil)
	ask(c, "GET", "/api/doctors/{id}/", doctor, nil)
	ask(c, "PUT", "/api/doctors/{id}/", doctor,
		object{"name": "Dr. Vikram Khanna", "specialization": "Cardiology", "experience": 10})
	ask(c, "PATCH", "/api/doctors/{id}/", doctor, object{"phone": "+91 80 5550 0188"})
	ask(c, "POST", "/api/mappings/", "", object{"patient": patient, "doctor": made})
	ask(c, "GET", "/api/mappings/", "", nil)
	ask(c, "GET", "/api/mappings/{id}/", patient, nil)
	ask(c, "GET", "/api/mappings/patient/{patient_id}/", patient, nil)
	ask(c, "GET", "/api/mappings/detail/{id}/", mapping, nil)
	ask(c, "DELETE", "/api/mappings/{id}/", mapping, nil)
	ask(c, "DELETE", "/api/doctors/{id}/", doctor, nil)
	ask(c, "DELETE", "/api/patients/{id}/", patient, nil)
	ask(auditor, "GET", "/api/audit/", "", nil)
	ask(c, "GET", "/api/users/", "", nil)
	ask(c, "POST", "/api/users/", "", object{"name": name, "email": name + ".new@clinic.example",
		"password": harness.Password})
	ask(c, "GET", "/api/users/{id}/", other.UserID(), nil)
	ask(c, "PATCH", "/api/users/{id}/", other.UserID(), object{"name": "Mira"})
	nobody := s.Anonymous(t)
	ask(nobody, "POST", "/api/auth/register/", "",
		object{"name": name, "email": name + ".self@clinic.example", "password": harness.Password})
	tokens := ask(nobody, "POST", "/api/auth/login/", "",
		object{"email": other.Email(), "password": harness.Password}).Object()
	ask(nobody, "POST", "/api/auth/refresh/", "", object{"refresh": tokens["refresh"]})
	ask(other, "GET", "/api/auth/me/", "", nil)
	ask(other, "PATCH", "/api/auth/me/", "", object{"name": "Zoë"})
	sessions := ask(other, "GET", "/api/auth/sessions/", "", nil).List()
	for _, session := range sessions {
		if session["current"] != true {
			ask(other, "DELETE", "/api/auth/sessions/{id}/", session["id"].(string), nil)
			break
		}
	}
	ask(other, "POST", "/api/auth/logout/", "", nil)
	other.Token = other.SignIn()
	ask(other, "POST", "/api/auth/logout-all/", "", nil)
	ask(leaver, "POST", "/api/auth/password/", "",
		object{"current_password": harness.Password, "new_password": "another " + harness.Password})
	ask(leaver, "DELETE", "/api/auth/me/?patients=delete", "", object{"password": "another " + harness.Password})
	ask(nobody, "GET", "/api/jobs/{id}/", s.AddJob(t), nil)
	for i, r := range s.Routes() {
		if counted[r.String()] != "" {
			continue
		}
		// The request of a route that is not called above is derived from the contract. It is sent as a role that may
		// call the route, by the owner of the records that it names.
		c := s.NewUser(t, fmt.Sprint(name, "Derived", i))
		known := c.KnownValues()
		for range n - 1 {
			c.AddRecords(maps.Clone(known), "")
		}
		c.SetRole(r.Role())
		id, body := "", any(nil)
		if r.TakesID() {
			id = r.PathID(known)
		}
		if r.Operation.RequestBody != nil {
			body = r.ChangedBody(known)
		}
		ask(c, r.Method, r.Path, id, body)
	}
	return counted
}
