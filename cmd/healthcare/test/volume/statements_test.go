package volume

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/config"
)

// TestStatementsOfEachRoute checks that each route sends the expected number of statements of its module, with few and
// with many records: no route sends one statement per record. The numbers include the statements of the session and of
// the audit trail (one), but not BEGIN and COMMIT.
func TestStatementsOfEachRoute(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		recorded := s.RecordStatements(t)
		few, many := countStatements(t, s, recorded, "Asha", 1), countStatements(t, s, recorded, "Ravi", 12)
		require.Equal(t, few, many, "with 1 record of each kind, and with 12")
		expected := harness.Expectations(t)
		for _, r := range s.Routes() {
			t.Run(r.String(), func(t *testing.T) {
				require.Equal(t, expected[r.String()].StatementsOn(s.DB.Engine()), many[r.String()],
					"statements in testdata/operations.txt of the module, and as sent")
			})
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
	sendTo := func(c *harness.Client, method, route, path string, body any) harness.Response {
		recorded.Count()
		a := c.Do(method, path, body)
		template, _, _ := strings.Cut(route, "?")
		counted[template+" "+method] = strconv.Itoa(recorded.Count())
		require.Less(t, a.Status, 300, "%s %s: %s", method, route, a.Body)
		return a
	}
	send := func(c *harness.Client, method, route, id string, body any) harness.Response {
		path := route
		if id != "" {
			path = harness.Route{Path: route}.PathWith(id)
		}
		return sendTo(c, method, route, path, body)
	}
	whole := object{"name": "Ananya Verma", "age": 32, "gender": "Other"}
	send(c, "POST", "/api/patients/", "", whole)
	send(c, "GET", "/api/patients/", "", nil)
	send(c, "GET", "/api/patients/{id}/", patient, nil)
	send(c, "PUT", "/api/patients/{id}/", patient, whole)
	send(c, "PATCH", "/api/patients/{id}/", patient, object{"notes": "x"})
	send(c, "GET", "/api/patients/{id}/access-log/", patient, nil)
	made := send(c, "POST", "/api/doctors/", "",
		object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9}).ID()
	send(c, "GET", "/api/doctors/", "", nil)
	send(c, "GET", "/api/doctors/{id}/", doctor, nil)
	send(c, "PUT", "/api/doctors/{id}/", doctor,
		object{"name": "Dr. Vikram Khanna", "specialization": "Cardiology", "experience": 10})
	send(c, "PATCH", "/api/doctors/{id}/", doctor, object{"phone": "+91 80 5550 0188"})
	send(c, "POST", "/api/mappings/", "", object{"patient": patient, "doctor": made})
	send(c, "GET", "/api/mappings/", "", nil)
	send(c, "GET", "/api/mappings/{id}/", patient, nil)
	send(c, "GET", "/api/mappings/patient/{patient_id}/", patient, nil)
	send(c, "GET", "/api/mappings/detail/{id}/", mapping, nil)
	send(c, "PATCH", "/api/mappings/{id}/", mapping, object{"access": "write"})
	send(c, "DELETE", "/api/mappings/{id}/", mapping, nil)
	send(c, "DELETE", "/api/doctors/{id}/", doctor, nil)
	send(c, "DELETE", "/api/patients/{id}/", patient, nil)
	send(auditor, "GET", "/api/audit/", "", nil)
	send(c, "GET", "/api/users/", "", nil)
	send(c, "POST", "/api/users/", "", object{"name": name, "email": name + ".new@clinic.example",
		"password": harness.Password})
	send(c, "GET", "/api/users/{id}/", other.UserID(), nil)
	send(c, "PATCH", "/api/users/{id}/", other.UserID(), object{"name": "Mira"})
	giver := s.NewUser(t, name+"Giver")
	for i := range n {
		giver.Assign(giver.AddPatient(object{"medical_record_number": fmt.Sprint(name, i)}), made).Expect(201)
	}
	send(c, "GET", "/api/users/{id}/transfer/?to="+c.UserID(), giver.UserID(), nil)
	send(c, "POST", "/api/users/{id}/transfer/", giver.UserID(), object{"to": c.UserID()})
	anonymous := s.Anonymous(t)
	send(anonymous, "POST", "/api/auth/register/", "",
		object{"name": name, "email": name + ".self@clinic.example", "password": harness.Password})
	tokens := send(anonymous, "POST", "/api/auth/login/", "",
		object{"email": other.Email(), "password": harness.Password}).Object()
	send(anonymous, "POST", "/api/auth/refresh/", "", object{"refresh": tokens["refresh"]})
	send(other, "GET", "/api/auth/me/", "", nil)
	send(other, "PATCH", "/api/auth/me/", "", object{"name": "Zoë"})
	sessions := send(other, "GET", "/api/auth/sessions/", "", nil).List()
	for _, session := range sessions {
		if session["current"] != true {
			send(other, "DELETE", "/api/auth/sessions/{id}/", session["id"].(string), nil)
			break
		}
	}
	send(other, "POST", "/api/auth/logout/", "", nil)
	other.Token = other.SignIn()
	send(other, "POST", "/api/auth/logout-all/", "", nil)
	send(leaver, "POST", "/api/auth/password/", "",
		object{"current_password": harness.Password, "new_password": "another " + harness.Password})
	send(leaver, "DELETE", "/api/auth/me/?patients=delete", "", object{"password": "another " + harness.Password})
	send(anonymous, "GET", "/api/jobs/{id}/", s.AddJob(t), nil)
	s.NewUserWithRole(t, patients.PrivacyRole, name+"Privacy")
	opener := s.NewUserWithRole(t, doctors.Role, name+"Opener")
	send(opener, "POST", "/api/emergency-access/", "", object{
		"patient": s.NewUser(t, name+"Rescued").AddPatient(), "reason": "other", "explanation": "An emergency.",
		"minutes": 15, "password": harness.Password,
	})
	visits := s.NewUser(t, name+"Visits")
	known := visits.KnownValues()
	visits.OfferAppointments(known["doctor"].(string))
	step := func(name, appointment string) {
		send(visits, "POST", "/api/appointments/{id}/"+name+"/", appointment, nil)
	}
	step("confirm", visits.HoldAppointment(known).ID())
	send(visits, "POST", "/api/waiting-list/{id}/offer/", known["waiting_entry"].(string),
		object{"doctor": known["doctor"], "starts_at": harness.Tomorrow(11 * time.Hour)})
	arrived := visits.AddAppointment(known).ID()
	step("arrive", arrived)
	step("complete", arrived)
	step("no-show", visits.AddPastAppointment(known).ID())
	for i, r := range s.Routes() {
		if counted[r.String()] != "" {
			continue
		}
		// The request of a route that is not called above is derived from the contract. It is sent as a role that may
		// call the route, by the owner of the records that it names.
		require.NoError(t, s.DB.Write(t.Context()).
			Exec("DELETE FROM availability_exceptions WHERE doctor_id IS NULL").Error) // holidays are limited
		c := s.NewUser(t, fmt.Sprint(name, "Derived", i))
		var known object
		isOfKind := func(creator harness.Route) bool { return strings.HasPrefix(r.Path, creator.Path) }
		if !r.TakesID() || slices.ContainsFunc(s.PlainCreators(), isOfKind) {
			known = c.KnownValues()
			for range n - 1 {
				c.AddRecords(maps.Clone(known), "")
			}
		} else {
			known = c.KnownValuesFor(r)
		}
		if practice, acts := known["practice"].(string); acts && r.Path == "/api/patients/claims/" {
			// A claim changes the role only of a user who acts for no practice.
			c.Do("DELETE", "/api/practices/"+practice+"/members/"+c.UserID()+"/", nil).Expect(204)
		}
		if !strings.Contains(r.Path, "/practices/") { // of which c is a member: most users act for nobody
			require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM acting WHERE user_id = ?", c.UserID()).Error)
		}
		c.SetRole(r.Role())
		var body any
		if r.Operation.RequestBody != nil {
			body = r.ChangedBody(known)
		}
		sendTo(c.CallerOf(r), r.Method, r.Path, r.PathOf(known), body)
	}
	return counted
}
