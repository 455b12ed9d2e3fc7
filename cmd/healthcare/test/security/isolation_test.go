package security

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/database"
)

// attackCase is a victim with everything that a user may have, and an attacker who is after it.
type attackCase struct {
	s                *harness.Service
	victim, attacker *harness.Client
	ids              []string // the victim's: one record of each kind
	known            object   // the victim's records by kind
	own              object   // the attacker's, and what all share
	sent             map[string]bool
	cases            int
	samples          int // the number of samples, which does not depend on their sizes
}

// turn returns the turn of the next sample. The engines have different samples in a run.
func (x *attackCase) turn() int {
	x.samples++
	if x.s.DB.Engine() == database.Postgres {
		return x.samples + 7
	}
	return x.samples
}

// canaries are in every text of the victim's, and nowhere else.
var canaries = []string{"zyxcanary", "7391648", "vctmzq"}

func newAttackCase(t *testing.T, s *harness.Service) *attackCase {
	x := &attackCase{s: s, victim: s.NewUser(t, "Vctmzq"), attacker: s.NewUserWithRole(t, auth.Staff, "Mallory"),
		sent: map[string]bool{}}
	secret := object{"name": "Zyxcanary A", "phone": "7391648", "notes": "zyxcanary", "address": "zyxcanary",
		"email": "zyxcanary@home.example"}
	patient := x.victim.AddPatient(secret, object{"medical_record_number": "zyxcanary"})
	x.victim.AddPatient(secret)
	doctor, second := x.attacker.AddDoctor(), x.attacker.AddDoctor()
	assignment := x.victim.Assign(patient, doctor).Expect(201).ID()
	x.victim.Assign(patient, second).Expect(201)
	user := x.victim.Do("GET", "/api/patients/"+patient, nil).Object()["created_by"].(string)
	session := x.victim.Do("GET", "/api/auth/sessions/", nil).List()[0]["id"].(string)
	x.ids = []string{patient, assignment, user, session}
	x.known = object{harness.Patient: patient, "assignment": assignment, "user": user, "session": session}
	for _, text := range []string{"zyxcanary", "zyxcanary"} { // a list of two has a cursor
		x.victim.AddOpeningHours(x.known)
		added := object{harness.Patient: patient, "doctor": doctor, "appointment_type": x.known["appointment_type"]}
		x.victim.AddRecords(added, text)
		added["appointment"] = x.victim.AddAppointment(added, object{"reason": text}).ID()
		added["series"] = x.victim.AddSeries(added)
		for _, kind := range slices.Sorted(maps.Keys(added)) { // in a fixed order, for the samples
			if !slices.Contains([]string{harness.Patient, "doctor", "appointment_type"}, kind) {
				x.known[kind], x.ids = added[kind], append(x.ids, added[kind].(string))
			}
		}
	}
	person := s.NewUser(t, "Person")
	x.victim.AddGrant(x.known, person)
	person.AskForCorrection(patient, "7391648")
	x.victim.Do("POST", "/api/practices/", object{"name": "zyxcanary"}).Expect(201)
	x.victim.AddActing(x.known, s.NewUser(t, "Manager"))
	s.NewUserWithRole(t, patients.PrivacyRole, "Officer")
	rescuer := s.NewUserWithRole(t, doctors.Role, "Rescuer")
	for range 2 {
		opened := rescuer.OpenEmergency(patient).Expect(201).ID()
		rescuer.Do("DELETE", "/api/emergency-access/"+opened+"/", nil).Expect(204)
	}
	x.victim.WithRole(doctors.Role, func() {
		for range 2 {
			x.known["emergency"] = x.victim.OpenEmergency(x.attacker.AddPatient()).Expect(201).ID()
		}
	})
	for _, kind := range []string{
		"grant", "invitation", "correction", "practice", "practice_invitation", "deputy_invitation", "emergency",
	} {
		x.ids = append(x.ids, x.known[kind].(string))
	}
	x.own = object{"patient": x.attacker.AddPatient(), "doctor": doctor}
	kept := object{"name": "Zyxcanary B", "age": 1, "gender": "Other"}
	x.victim.Do("POST", "/api/patients/", kept, "Idempotency-Key", "victims-key").Expect(201)
	return x
}

// send sends one attempt. The response shows nothing of the victim's but ids that the attacker sent.
func (x *attackCase) send(t *testing.T, method, path string, body any, headers ...string) harness.Response {
	t.Helper()
	x.cases++
	a := x.attacker.ForTest(t).Do(method, path, body, headers...)
	typed, _ := json.Marshal(body)
	request := strings.ToLower(fmt.Sprint(path, string(typed), headers))
	response := strings.ToLower(fmt.Sprint(a.Header, string(a.Body)))
	for _, canary := range canaries {
		require.NotContains(t, response, canary, "%s %s %s %v", method, path, typed, headers)
	}
	for _, id := range x.ids {
		if strings.Contains(string(typed), id) {
			x.sent[id] = true // it may be stored as a text of the attacker's own
		}
		if !strings.Contains(request, id) && !x.sent[id] {
			require.NotContains(t, response, id, "%s %s %s %v", method, path, typed, headers)
		}
	}
	require.True(t, a.Status < 500 || a.Status == 501, "%s %s %s %v: %s", method, path, typed, headers, a.Body)
	return a
}

// idSpellings are ways to write an id, of which a lenient reader takes some.
func idSpellings(id string) []string {
	return []string{
		id, strings.ToUpper(id), strings.ToUpper(id[:18]) + id[18:], strings.ReplaceAll(id, "-", ""), "{" + id + "}",
		"urn:uuid:" + id,
		fmt.Sprintf("%%%02x", id[0]) + id[1:], "x/../" + id, id + "%20",
	}
}

func TestR05_NothingOfAnotherUserByAnyRequest(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		x := newAttackCase(t, s)
		cursors := x.foreignCursors(t)
		before := s.StoredRows(t).BelongingTo(x.ids...)
		require.GreaterOrEqual(t, len(before["patients"])+len(before["assignments"])+len(before["users"]), 5)

		for _, id := range x.ids {
			t.Run("ids in paths, in any spelling, by any verb", func(t *testing.T) { x.tryPaths(t, id) })
			t.Run("headers that name or override", func(t *testing.T) { x.tryHeaders(t, id) })
		}
		t.Run("query parameters, described and not", x.tryQueries)
		t.Run("the victim's cursors", func(t *testing.T) {
			for _, r := range s.Routes() {
				for _, cursor := range cursors {
					if slices.Contains(r.ParameterNames("query"), "cursor") {
						require.GreaterOrEqual(t,
							x.send(
								t, "GET", harness.PathWithQuery(r.PathWith(x.own["patient"].(string)), "cursor",
									cursor),
								nil).Status, 400)
					}
				}
			}
		})
		t.Run("members of bodies, described and not", x.tryBodies)
		require.Equal(t, before, s.StoredRows(t).BelongingTo(x.ids...),
			"no row of the victim's has changed, come or gone")
		require.GreaterOrEqual(t, x.cases, harness.MinimumCases(2000))
		t.Logf("%d cases", x.cases)
	})
}

// foreignCursors are the victim's, of every list there is.
func (x *attackCase) foreignCursors(t *testing.T) (all []string) {
	for _, r := range x.s.Routes() {
		if slices.Contains(r.ParameterNames("query"), "cursor") && r.Allows(auth.Staff) {
			at := r.PathWith(r.PathID(x.known))
			for range 2 {
				// an access log grows by being read
				x.victim.ForTest(t).Do("GET", at, nil).Expect(200)
			}
			link := x.victim.ForTest(t).Do("GET", harness.PathWithQuery(at, "limit", "1"),
				nil).Expect(200).Header.Get("Link")
			require.NotEmpty(t, link, "the victim has two records in each list: %s", r)
			all = append(all, regexp.MustCompile(`cursor=([\w-]+)`).FindStringSubmatch(link)[1])
		}
	}
	return all
}

// requireNoLeak checks that an answer shows nothing of an object: it refuses, or names the methods of the path, which
// are those of any id.
func requireNoLeak(t *testing.T, method, at string, a harness.Response) {
	t.Helper()
	if method == "OPTIONS" && a.Status == 204 {
		require.Empty(t, a.Body)
		return
	}
	require.GreaterOrEqual(t, a.Status, 400, "%s %s", method, at)
}

func (x *attackCase) tryPaths(t *testing.T, id string) {
	type attempt struct {
		method, at string
		slash      bool
	}
	withBody := map[string]harness.Route{}
	for _, r := range harness.WithBody(x.s.Routes()) {
		withBody[r.String()] = r
	}
	for _, path := range allPaths(x.s) {
		var all []attempt
		for i, spelling := range idSpellings(id) {
			at := harness.Route{Path: path}.PathWith(spelling)
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
				if all = append(all, attempt{method, at, true}); i < 5 {
					all = append(all, attempt{method, strings.TrimSuffix(at, "/"), false})
				}
			}
		}
		for _, a := range harness.SampleFifteenth(x.turn(), all) {
			var body any
			if r, ok := withBody[path+" "+a.method]; ok && a.slash {
				body = r.Body(x.own)
			} else if a.slash {
				body = object{}
			}
			requireNoLeak(t, a.method, a.at, x.send(t, a.method, a.at, body))
		}
	}
}

// allPaths are the templates that name something.
func allPaths(s *harness.Service) (all []string) {
	for _, r := range s.Routes() {
		if r.TakesID() && !slices.Contains(all, r.Path) {
			all = append(all, r.Path)
		}
	}
	return all
}

func (x *attackCase) tryHeaders(t *testing.T, id string) {
	type attempt struct {
		r           harness.Route
		name, value string
	}
	var all []attempt
	for _, r := range x.s.Routes() {
		headers := [][2]string{
			{"X-HTTP-Method-Override", "DELETE"}, {"X-HTTP-Method", "GET"}, {"X-Method-Override", "PATCH"},
			{"X-User-Id", id}, {"X-Forwarded-User", id},
			{"Remote-User", id}, {"Cookie", "user=" + id}, {"X-Forwarded-For", "127.0.0.1"},
			{"X-Original-URL", "/api/patients/" + id},
			{"X-Rewrite-URL", "/api/mappings/patient/" + id + "/"}, {"X-Forwarded-Prefix", "/api/patients/" + id},
		}
		for _, name := range r.ParameterNames("header") {
			for _, value := range []string{"*", `"v1"`, `W/"v1"`, "victims-key", id, "count=exact"} {
				headers = append(headers, [2]string{name, value})
			}
		}
		for _, header := range headers {
			all = append(all, attempt{r, header[0], header[1]})
		}
	}
	for _, try := range harness.SampleFifteenth(x.turn(), all) {
		r := try.r
		a := x.send(t, r.Method, r.PathWith(id), bodyOrNone(r, x.own), try.name, try.value)
		if r.TakesID() {
			require.GreaterOrEqual(t, a.Status, 400, "%s %s: %s", r, try.name, try.value)
		}
		if strings.Contains(r.Path, "patients") {
			require.NotEqual(t, 422, a.Status, "the victim's key is the victim's")
		}
	}
}

func (x *attackCase) tryQueries(t *testing.T) {
	undescribed := []string{"id", "owner", "owner_id", "user_id", "created_by", "patient_id", "access_token", "fields",
		"expand", "_method"}
	values := append([]string{"zyxcanary", "%", "*"}, x.ids...)
	for _, r := range x.s.Routes() {
		if r.Method != http.MethodGet {
			continue
		}
		for _, name := range append(undescribed, r.ParameterNames("query")...) {
			for _, value := range harness.SampleFifteenth(x.turn(), values) {
				a := x.send(t, "GET", harness.PathWithQuery(r.PathWith(x.own["patient"].(string)), name, value), nil,
					"Prefer", "count=exact")
				require.NotEqual(t, 401, a.Status, "the attacker is signed in")
				if total := a.Header.Get("X-Total-Count"); total != "" && a.NextPage() == "" {
					require.Equal(t, fmt.Sprint(len(a.List())), total, "what cannot be seen is not counted")
				}
			}
		}
	}
}

func (x *attackCase) tryBodies(t *testing.T) {
	undescribed := []string{"id", "owner", "owner_id", "user_id", "created_by", "patient_id", "doctor_id", "user",
		"version"}
	for _, r := range harness.WithBody(x.s.Routes()) {
		for _, member := range append(undescribed, r.BodyMembers()...) {
			type attempt struct {
				id    string
				value any
			}
			var all []attempt
			for _, id := range x.ids {
				all = append(all, attempt{id, id}, attempt{id, strings.ToUpper(id)}, attempt{id, object{"id": id}})
			}
			for _, try := range harness.SampleFifteenth(x.turn(), all) {
				body := r.Body(x.own)
				body[member] = try.value
				a := x.send(t, r.Method, r.PathWith(x.own["patient"].(string)), body)
				require.False(t, a.Status < 300 && bytes.Contains(a.Body, []byte(`"id":"`+try.id)), "%s %s: %s", r,
					member, a.Body)
			}
		}
	}
}

// A thing of somebody else is answered, to the byte, like one that never was: in the path, in the query and in the
// body.
func TestR07_GeneratedForeignIsLikeMissing(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		x, nothing := newAttackCase(t, s), func(string) any { return nil }
		same := func(r harness.Route, at func(id string) string, body func(id string) any, headers ...string) {
			x.cases++
			ask := func(id string) string {
				a := x.attacker.Do(r.Method, at(id), body(id), headers...)
				a.Header.Del("Date")
				a.Header.Del("Link") // it repeats the address
				return strings.ReplaceAll(fmt.Sprint(a.Status, a.WithoutRequestID(), a.Header), id, "ID")
			}
			want := ask(harness.MissingID)
			for _, id := range x.ids {
				require.Equal(t, want, ask(id), "%s %v", r, headers)
			}
		}
		for _, r := range s.Routes() {
			fixed := func(string) string { return r.PathWith(x.own["patient"].(string)) }
			for _, name := range r.ParameterNames("query") {
				same(r, func(id string) string { return harness.PathWithQuery(fixed(id), name, id) }, nothing, "Prefer",
					"count=exact")
			}
			for _, member := range r.BodyMembers() {
				for _, known := range []object{x.own, {"patient": harness.MissingID, "doctor": harness.MissingID}} {
					if r.BodySchemas()[member].Value.Format == "uuid" {
						same(r, fixed, func(id string) any { body := r.Body(known); body[member] = id; return body },
							"Idempotency-Key", "k")
					}
				}
			}
			if !r.TakesID() {
				continue
			}
			type attempt struct {
				body  any
				match string
			}
			var all []attempt
			for _, body := range []any{r.Body(x.own), object{}, object{"name": 1}, "{"} {
				for _, match := range []string{"", "*", `"v1"`, `"v9"`} {
					all = append(all, attempt{body, match})
				}
			}
			for _, try := range harness.Sample(x.turn(), all) {
				same(r, r.PathWith, func(string) any { return try.body }, "If-Match", try.match, "If-None-Match",
					try.match)
			}
		}
		require.GreaterOrEqual(t, x.cases, 100)
		t.Logf("%d cases", len(x.ids)*x.cases)
	})
}

// A patient of somebody else is answered, on every verb and to the byte, like one that never existed.
func TestR07_AForeignPatientIsNotThere(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		owner, stranger := s.NewUser(t, "Asha"), s.NewUser(t, "Mallory")
		patient, doctor := owner.AddPatient(), owner.AddDoctor()
		assignment := owner.Assign(patient, doctor).Expect(201).ID()
		missing := "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"
		valid := object{"name": "Stolen", "age": 1, "gender": "Other"}

		requests := []struct {
			method, path string
			body         func(id string) any
			foreign      string
		}{
			{"GET", "/api/patients/%s/", nil, patient},
			{"HEAD", "/api/patients/%s/", nil, patient},
			{"PUT", "/api/patients/%s/", func(string) any { return valid }, patient},
			{"PATCH", "/api/patients/%s/", func(string) any { return valid }, patient},
			{"PATCH", "/api/patients/%s/", func(string) any { return object{} }, patient},
			{"DELETE", "/api/patients/%s/", nil, patient},
			{"GET", "/api/mappings/%s/", nil, patient},
			{"GET", "/api/mappings/patient/%s/", nil, patient},
			{"GET", "/api/mappings/detail/%s/", nil, assignment},
			{"DELETE", "/api/mappings/%s/", nil, assignment},
			{"POST", "/api/mappings/", func(id string) any { return object{"patient": id, "doctor": doctor} }, patient},
			{"POST", "/api/mappings/", func(id string) any { return object{"patient": id, "doctor": missing} },
				patient},
		}
		for _, r := range requests {
			t.Run(r.method+" "+r.path, func(t *testing.T) {
				stranger := stranger.ForTest(t)
				ask := func(id string) string {
					var body any
					if r.body != nil {
						body = r.body(id)
					}
					path := r.path
					if strings.Contains(path, "%s") {
						path = fmt.Sprintf(path, id)
					}
					a := stranger.Do(r.method, path, body).Expect(404)
					return a.WithoutRequestID()
				}
				require.Equal(t, ask(missing), ask(r.foreign))
				if !strings.HasPrefix(r.method, "POST") {
					ask("nonsense")
				}
			})
		}
		require.Empty(t, stranger.Do("GET", "/api/patients/", nil).List())
		require.Empty(t, stranger.Do("GET", "/api/mappings/", nil).List())
		require.Equal(t, "Ananya Verma", owner.Do("GET", "/api/patients/"+patient, nil).Expect(200).Object()["name"],
			"untouched")
		require.Len(t, owner.Do("GET", "/api/mappings/", nil).List(), 1)
	})
}
