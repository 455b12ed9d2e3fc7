package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
	"healthcare/platform/config"
)

// Every answer that the modules describe is given at least once; what the server itself adds to every operation is platform/httpserver's to show.
func TestEveryDescribedAnswerIsReached(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c, nobody := s.user(t, "Asha"), s.client(t)
		missing := "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"
		patient := object{"name": "A", "age": 1, "gender": "Other", "medical_record_number": "M"}
		doctor := object{"name": "A", "specialization": "B", "experience": 1, "license_number": "L"}

		login := object{"email": "asha@clinic.example", "password": "correct horse"}
		revised := s.user(t, "Conditional")
		revised.reachConditions()
		nobody.do("POST", "/api/auth/register/", object{"name": "A", "email": "asha@clinic.example", "password": "correct horse"})
		refresh := nobody.do("POST", "/api/auth/login/", login).object()["refresh"]
		nobody.do("POST", "/api/auth/login/", object{"email": "a@b.example", "password": "x"})
		for range 2 {
			nobody.do("POST", "/api/auth/refresh/", object{"refresh": refresh})
		}
		nobody.do("POST", "/api/auth/refresh/", object{"refresh": "nonsense"})
		for _, path := range []string{"register", "login", "refresh"} {
			nobody.do("POST", "/api/auth/"+path+"/", object{})
		}

		patientID := c.do("POST", "/api/patients/", patient).id()
		doctorID := c.do("POST", "/api/doctors/", doctor).id()
		otherPatient, otherDoctor := c.addPatient(), c.addDoctor()
		assignmentID := c.assign(patientID, doctorID).id()
		c.assign(patientID, doctorID)
		c.assign(missing, doctorID)
		c.do("POST", "/api/mappings/", object{})
		for _, one := range []struct {
			collection, id, rival string
			body                  object
		}{{"/api/patients/", patientID, otherPatient, patient}, {"/api/doctors/", doctorID, otherDoctor, doctor}} {
			c.do("GET", one.collection, nil)
			c.do("POST", one.collection, one.body) // 409
			c.do("POST", one.collection, object{})
			for _, id := range []string{one.id, one.rival, missing} { // 200, 409, 404
				c.do("GET", one.collection+id+"/", nil)
				c.do("PUT", one.collection+id+"/", one.body)
				c.do("PATCH", one.collection+id+"/", one.body)
			}
			c.do("PUT", one.collection+one.id+"/", object{})
			c.do("PATCH", one.collection+one.id+"/", object{"name": ""})
		}
		for _, id := range []string{patientID, missing} {
			c.do("GET", "/api/mappings/"+id+"/", nil)
			c.do("GET", "/api/mappings/patient/"+id+"/", nil)
		}
		c.do("GET", "/api/mappings/", nil)
		for _, id := range []string{assignmentID, missing} {
			c.do("GET", "/api/mappings/detail/"+id+"/", nil)
			c.do("DELETE", "/api/mappings/"+id+"/", nil)
		}
		for _, id := range []string{patientID, missing} {
			c.do("GET", "/api/patients/"+id+"/access-log/", nil)
		}
		s.as(t, "auditor", "Uma").do("GET", "/api/audit/", nil).is(200)
		for _, path := range []string{"/api/patients/" + patientID, "/api/doctors/" + doctorID} {
			c.do("DELETE", path, nil)
			c.do("DELETE", path, nil)
		}
		for _, path := range []string{"/livez", "/readyz", "/metrics", "/openapi.json", "/problems/not_found", "/problems/nonsense", "/docs/", "/docs/docs.js", "/docs/nonsense"} {
			nobody.do("GET", path, nil).is(map[bool]int{true: 404, false: 200}[strings.HasSuffix(path, "nonsense")])
		}
		for _, path := range []string{"/openapi.json", "/docs/", "/docs/docs.js"} {
			nobody.do("GET", path, nil, "If-None-Match", "*").is(304)
		}
		nobody.do("GET", "/metrics", nil, "X-Forwarded-For", "192.0.2.1").is(404)
		s.callEverythingWithoutToken(t)
		s.reachAccounts(t)
		s.reachJobs(t)

		var unreached []string
		for _, item := range s.document.Paths.Map() {
			for _, op := range item.Operations() {
				for status := range op.Responses.Map() {
					serversOwn := slices.Contains([]string{"428", "503", "default"}, status) ||
						// TestRegistrationClosed, TestRegistrationsOfANetworkAreCounted
						status == "400" && op.RequestBody == nil || op.OperationID == "register" && (status == "403" || status == "429")
					key := fmt.Sprintf("%s %s", op.OperationID, status)
					if _, reached := s.seen.Load(key); !reached && !serversOwn {
						unreached = append(unreached, key)
					}
				}
			}
		}
		slices.Sort(unreached)
		require.Empty(t, unreached)
	}, func(cfg *config.Config) { cfg.SignInFreeAttempts = 5 })
}

// reachAccounts gets the answers about accounts and sessions, and those to a role that may call nothing.
func (s *service) reachAccounts(t *testing.T) {
	ghost := s.as(t, "ghost", "Ghost")
	for _, r := range s.routes() {
		if _, some := r.op.Extensions["x-access"].([]any); some {
			ghost.do(r.method, r.at(missing), nil).is(403)
		}
	}
	admin, user := s.as(t, auth.Admin, "Admin"), s.user(t, "User")
	newcomer := object{"name": "N", "email": "newcomer@clinic.example", "password": password}
	id := admin.do("POST", "/api/users/", newcomer).is(201).id()
	admin.do("POST", "/api/users/", newcomer).is(409)
	admin.do("POST", "/api/users/", object{}).is(400)
	admin.do("GET", "/api/users/", nil).is(200)
	for at, statuses := range map[string][]int{"/api/users/" + id: {200, 304, 200, 412}, "/api/users/" + missing: {404, 404, 404, 404}} {
		admin.do("GET", at, nil).is(statuses[0])
		admin.do("GET", at, nil, "If-None-Match", "*").is(statuses[1])
		admin.do("PATCH", at, object{"active": true}).is(statuses[2])
		admin.do("PATCH", at, object{"active": true}, "If-Match", `"v9"`).is(statuses[3])
	}
	admin.do("PATCH", "/api/users/"+id, object{"role": "nobody's"}).is(400)
	admin.do("PATCH", "/api/users/"+admin.id(), object{"role": "staff"}).is(409)

	user.do("GET", "/api/auth/me/", nil).is(200)
	user.do("GET", "/api/auth/me/", nil, "If-None-Match", "*").is(304)
	user.do("PATCH", "/api/auth/me/", object{"name": ""}).is(400)
	user.do("PATCH", "/api/auth/me/", object{"name": "U"}, "If-Match", `"v9"`).is(412)
	user.do("PATCH", "/api/auth/me/", object{"name": "U"}).is(200)
	user.do("POST", "/api/auth/password/", object{"current_password": password, "new_password": password}).is(204)
	user.do("POST", "/api/auth/password/", object{}).is(400)
	user.signIn()
	user.do("DELETE", "/api/auth/sessions/"+user.do("GET", "/api/auth/sessions/", nil).is(200).list()[0]["id"].(string), nil).is(204)
	user.do("DELETE", "/api/auth/sessions/"+missing, nil).is(404)
	user.do("DELETE", "/api/auth/me/", object{"password": password}, "If-Match", `"v9"`).is(412)
	user.addPatient()
	user.do("DELETE", "/api/auth/me/", object{"password": password}).is(409)
	for range 5 {
		user.do("DELETE", "/api/auth/me/", object{"password": "wrong"}).is(400)
	}
	untilThrottled(t, func() int { return user.do("DELETE", "/api/auth/me/", object{"password": "wrong"}).status })
	change := object{"current_password": "wrong", "new_password": password}
	untilThrottled(t, func() int { return user.do("POST", "/api/auth/password/", change).status })
	signIn := object{"email": user.email(), "password": "wrong"}
	untilThrottled(t, func() int { return s.client(t).do("POST", "/api/auth/login/", signIn).status })
	user.do("POST", "/api/auth/logout/", nil).is(204)
	for _, name := range []string{"Leaver", "Other"} {
		leaver := s.user(t, name)
		if name == "Other" {
			leaver.do("POST", "/api/auth/logout-all/", nil).is(204)
			continue
		}
		leaver.do("DELETE", "/api/auth/me/", object{"password": password}).is(204)
	}
}

// untilThrottled tries until the answer is 429. A slow machine outlasts the first waits; each is twice the one before.
func untilThrottled(t *testing.T, try func() int) {
	t.Helper()
	for range 10 {
		if try() == 429 {
			return
		}
	}
	require.Fail(t, "ten wrong passwords were not throttled")
}

// reachConditions gets the answers to conditional and repeated requests.
func (c *client) reachConditions() {
	patient, doctor := c.addPatient(), c.addDoctor()
	assignment := c.assign(patient, doctor).id()
	for _, path := range []string{"/api/patients/" + patient, "/api/doctors/" + doctor, "/api/mappings/detail/" + assignment} {
		c.do("GET", path, nil, "If-None-Match", "*").is(304)
	}
	for _, path := range []string{"/api/patients/" + patient, "/api/doctors/" + doctor} {
		c.do("PUT", path, object{"name": "A", "age": 1, "gender": "Other", "specialization": "B", "experience": 1}, "If-Match", `"v9"`).is(412)
		c.do("PATCH", path, object{}, "If-Match", `"v9"`).is(412)
		c.do("DELETE", path, nil, "If-Match", `"v9"`).is(412)
	}
	c.do("DELETE", "/api/mappings/"+assignment, nil, "If-Match", `"v9"`).is(412)
	other := c.addDoctor()
	for path, body := range map[string]object{
		"/api/patients/": {"name": "A", "age": 1, "gender": "Other"}, "/api/doctors/": {"name": "A", "specialization": "B", "experience": 1},
		"/api/mappings/": {"patient": patient, "doctor": other},
	} {
		c.do("POST", path, body, "Idempotency-Key", "k").is(201)
		c.do("POST", path, object{}, "Idempotency-Key", "k").is(422)
	}
	for _, made := range []struct {
		path string
		body object
	}{
		{"/api/mappings/", object{"patient": patient, "doctor": c.addDoctor()}},
		{"/api/patients/", object{"name": "A", "age": 1, "gender": "Other"}},
		{"/api/doctors/", object{"name": "A", "specialization": "B", "experience": 1}},
	} {
		id := c.do("POST", made.path, made.body, "Idempotency-Key", "gone").is(201).id()
		c.do("DELETE", made.path+id, nil).is(204)
		c.do("POST", made.path, made.body, "Idempotency-Key", "gone").is(410)
	}
}

// reachJobs gets the answers about what goes on in the background.
func (s *service) reachJobs(t *testing.T) {
	admin, owner := s.as(t, "admin", "Chief"), s.user(t, "Owner")
	doctor := admin.addDoctor()
	owner.assign(owner.addPatient(), doctor).is(201)
	admin.do("DELETE", "/api/doctors/"+doctor, nil).problem(409, "doctor_in_use")
	admin.do(
		"GET",
		admin.do("DELETE", "/api/doctors/"+doctor+"/?force=true", nil).is(202).header.Get("Location"),
		nil,
	).is(200)
	admin.do("GET", "/api/jobs/"+missing+"/", nil).is(404)
	s.addMany(t, owner.id(), many())
	owner.do("DELETE", "/api/auth/me/?patients=delete", object{"password": password}).is(202)
}

// answers hold only declared fields. The client of these tests holds every answer against the document; here the document says that it is
// complete, and the client is seen to mind.
func TestR04_AnswersHoldOnlyDeclaredFields(t *testing.T) {
	t.Parallel()
	document, err := wholeContract(committedVersion)
	require.NoError(t, err)
	for route, item := range document.Paths.Map() {
		for method, op := range item.Operations() {
			for status, answer := range op.Responses.Map() {
				for kind, media := range answer.Value.Content {
					if strings.HasSuffix(kind, "json") && route != "/openapi.json" {
						requireClosed(t, media.Schema.Value, method+" "+route+" "+status)
					}
				}
			}
		}
	}
	doctor := document.Components.Schemas["Doctor"].Value
	shown := map[string]any{}
	for name, property := range doctor.Properties {
		shown[name] = property.Value.Example
	}
	require.NoError(t, doctor.VisitJSON(shown))
	leaking := maps.Clone(shown)
	leaking["search_text"] = "dr. vikram khanna"
	require.ErrorContains(t, doctor.VisitJSON(leaking), "search_text")
}

// requireClosed finds every object of an answer described to its last member; a problem's errors are a map.
func requireClosed(t *testing.T, schema *openapi3.Schema, where string) {
	t.Helper()
	if schema.Items != nil {
		requireClosed(t, schema.Items.Value, where+" []")
	}
	for _, part := range schema.AllOf {
		requireClosed(t, part.Value, where)
	}
	for name, property := range schema.Properties {
		if name != "errors" {
			requireClosed(t, property.Value, where+" "+name)
		}
	}
	if schema.Type.Is("object") {
		require.NotNil(t, schema.AdditionalProperties.Has, where)
		require.False(t, *schema.AdditionalProperties.Has, where)
	}
}
