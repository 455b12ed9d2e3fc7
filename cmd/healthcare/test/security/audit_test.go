package security

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// ofPatient reports whether the route shows or changes records that belong to patients, as their module declares.
func ofPatient(s *harness.Service, r harness.Route) bool {
	resource, _ := r.Operation.Extensions["x-audit"].(string)
	return s.Resources[audit.Resource(resource)].OfPatient
}

// every route of the contract that reads or writes patients' data is recorded: with a success, a 304, a replayed
// response, a 404 and a 403. A new route needs no change here.
func TestR40_AccessToPatientDataIsRecorded(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c, ghost, requests, routes := s.NewUserWithRole(t, auth.Admin, "Asha"), s.NewUserWithRole(t, "ghost", "Ghost"),
			0, 0
		recorded := func(r harness.Route, client *harness.Client, status int, at string, body any, headers ...string) {
			t.Helper()
			requests++
			a := client.Do(r.Method, at, body, headers...).Expect(status)
			entries := s.AuditEntries(t, a.Header.Get("X-Request-Id"))
			require.NotEmpty(t, entries, "%s responded %d without an entry", r, status)
			for _, entry := range entries {
				require.Equal(t, status == 404 || status == 403, entry["outcome"] == string(audit.Denied), "%v", entry)
				require.Equal(t, "127.0.0.1", entry["address"])
				require.NotEmpty(t, entry["actor_id"])
				if entry["resource_id"] != nil && status < 400 {
					require.NotNil(t, entry["patient_id"], "an entry about one record names its patient: %v", entry)
				}
				require.NotContains(t, strings.ToLower(fmt.Sprint(entry)), "ananya", "never a value")
			}
		}
		known, other := c.KnownValues(), s.NewUser(t, "Relative")
		other.AddPatient()
		for _, r := range s.Routes() {
			if !ofPatient(s, r) {
				continue
			}
			routes++
			c.SetRole(auth.Admin)
			known[harness.Patient], known["doctor"] = c.AddPatient(), c.AddDoctor()
			known["assignment"] = c.Assign(c.AddPatient(), c.AddDoctor()).Expect(201).ID()
			c.AddRecords(known, "") // an earlier route may have removed those
			c.AddGrant(known, other)
			c.AddAppointmentFor(r, known)
			caller := c
			if r.RefusesKeeper() {
				caller = other
			}
			if strings.HasPrefix(r.Path, "/api/emergency-access/") {
				known[harness.Patient] = c.AddPatient()
				other.WithRole(doctors.Role, func() {
					known["emergency"] = other.OpenEmergency(c.AddPatient()).Expect(201).ID()
				})
				if caller = other; r.CallingRole(auth.Admin) == patients.PrivacyRole {
					caller = c
				}
			}
			if role := r.CallingRole(auth.Admin); role != auth.Admin {
				before := map[*harness.Client]auth.Role{c: auth.Admin, other: auth.Staff}[caller]
				caller.SetRole(role)
				defer caller.SetRole(before)
			}
			path := r.PathOf(known)
			for _, id := range r.IDs { // a request that names no patient shows no patient's data
				if r.Trail == "unrecorded" && id.In == "query" && id.Of == harness.Patient {
					path = harness.PathWithQuery(path, id.Name, known[harness.Patient].(string))
				}
			}
			success := r.SuccessStatus()
			var body any
			if r.Operation.RequestBody != nil {
				body = r.Body(known)
			}
			if r.Method == "GET" && r.Operation.Extensions["x-versioned"] == true {
				recorded(r, caller, 304, path, nil, "If-None-Match", "*")
			}
			recorded(r, ghost, 403, path, body)
			if r.TakesID() {
				recorded(r, caller, 404, r.PathWith(harness.MissingID), body)
			}
			recorded(r, caller, success, path, body, "Idempotency-Key", "once")
			if slices.Contains(r.ParameterNames("header"), "Idempotency-Key") {
				recorded(r, caller, success, path, body, "Idempotency-Key", "once")
			}
		}
		require.GreaterOrEqual(t, routes, 12)
		t.Logf("%d requests to %d routes", requests, routes)
	})
}

// an operation on patient data that cannot be recorded has no effect and returns no data. Other operations
// succeed.
func TestR42_OperationsFailClosed(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUserWithRole(t, auth.Staff, "Asha")
		patient := c.AddPatient()
		path := "/api/patients/" + patient + "/"
		rename := func(from, to string) {
			require.NoError(t, s.DB.Write(t.Context()).Exec("ALTER TABLE "+from+" RENAME TO "+to).Error)
		}
		before := s.StoredRows(t)
		rename("audit_inbox", "audit_inbox_away")
		for _, request := range []struct {
			method, path string
			body         any
		}{
			{"GET", path, nil}, {"GET", "/api/patients/", nil}, {"GET", "/api/mappings/", nil},
			{"GET", "/api/mappings/" + patient + "/", nil},
			{"GET", "/api/patients/" + harness.MissingID, nil},
			{"POST", "/api/patients/", object{"name": "A", "age": 1, "gender": "Other"}},
			{"PATCH", path, object{"name": "B"}}, {"DELETE", path, nil},
			{"POST", "/api/auth/login/", object{"email": c.Email(), "password": harness.Password}},
		} {
			a := c.Do(request.method, request.path, request.body)
			require.Equal(t, 503, a.Status, "%s %s: %s", request.method, request.path, a.Body)
			require.NotEmpty(t, a.Header.Get("Retry-After"))
			require.NotContains(t, strings.ToLower(string(a.Body)), "ananya")
		}
		c.Do("GET", "/livez", nil).Expect(200)
		c.Do("GET", "/api/doctors/", nil).Expect(200)
		s.Anonymous(t).Do("POST", "/api/auth/login/",
			object{"email": c.Email(), "password": "wrong"}).ExpectProblem(401, "invalid_credentials")
		s.Anonymous(t).Do("GET", path, nil).Expect(401)
		rename("audit_inbox_away", "audit_inbox")
		after := s.StoredRows(t)
		for _, table := range []string{"patients", "assignments", "sessions", "users"} {
			require.Equal(t, before[table], after[table], table)
		}
		c.Do("GET", path, nil).Expect(200)
	})
}

// the trail contains no value of a patient.
func TestR44_TheTrailContainsNoPatientValues(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUserWithRole(t, auth.Staff, "Asha")
		secret := object{
			"name": "Zyxcanary A", "phone": "7391648", "notes": "zyxcanary", "address": "zyxcanary",
			"email":                 "zyxcanary@home.example",
			"medical_record_number": "zyxcanary",
		}
		patient := c.AddPatient(secret)
		c.Do("PATCH", "/api/patients/"+patient, object{"notes": "zyxcanary again", "phone": "73916480"}).Expect(200)
		c.Do("GET", "/api/patients/?search=zyxcanary", nil).Expect(200)
		c.Do("GET", "/api/patients/zyxcanary", nil).Expect(404)
		c.Do("DELETE", "/api/patients/"+patient, nil).Expect(204)
		var updated []object
		entries := s.FindAuditEntries(t, func(object) bool { return true })
		require.NotEmpty(t, entries)
		for _, entry := range entries {
			for _, canary := range []string{"zyxcanary", "7391648", harness.Password} {
				require.NotContains(t, strings.ToLower(fmt.Sprint(entry)), canary)
			}
			if entry["action"] == "update" {
				updated = append(updated, object{"fields": entry["fields"]})
			}
		}
		require.Len(t, updated, 1)
		require.Contains(t, fmt.Sprint(updated[0]), "notes")
		require.Contains(t, fmt.Sprint(updated[0]), "phone", "the names of the changed fields")
	})
}
