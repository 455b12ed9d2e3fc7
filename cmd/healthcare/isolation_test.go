package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
)

// crime is a victim with everything that a user may have, and an attacker who is after it.
type crime struct {
	s                *service
	victim, attacker *client
	ids              []string // the victim's: a patient, an assignment, the user, a session
	own              object   // the attacker's, and what all share
	told             map[string]bool
	cases            int
}

// canaries are in every text of the victim's, and nowhere else.
var canaries = []string{"zyxcanary", "7391648", "vctmzq"}

func commit(t *testing.T, s *service) *crime {
	x := &crime{s: s, victim: s.user(t, "Vctmzq"), attacker: s.as(t, auth.Staff, "Mallory"), told: map[string]bool{}}
	secret := object{"name": "Zyxcanary A", "phone": "7391648", "notes": "zyxcanary", "address": "zyxcanary", "email": "zyxcanary@home.example"}
	patient := x.victim.addPatient(secret, object{"medical_record_number": "zyxcanary"})
	x.victim.addPatient(secret)
	doctor, second := x.attacker.addDoctor(), x.attacker.addDoctor()
	assignment := x.victim.assign(patient, doctor).is(201).id()
	x.victim.assign(patient, second).is(201)
	user := x.victim.do("GET", "/api/patients/"+patient, nil).object()["created_by"].(string)
	session := x.victim.do("GET", "/api/auth/sessions/", nil).list()[0]["id"].(string)
	x.ids = []string{patient, assignment, user, session}
	x.own = object{"patient": x.attacker.addPatient(), "doctor": doctor}
	kept := object{"name": "Zyxcanary B", "age": 1, "gender": "Other"}
	x.victim.do("POST", "/api/patients/", kept, "Idempotency-Key", "victims-key").is(201)
	return x
}

// try is one attempt: its answer tells nothing of the victim's but ids that the attacker said.
func (x *crime) try(t *testing.T, method, path string, body any, headers ...string) answer {
	t.Helper()
	x.cases++
	a := x.attacker.in(t).do(method, path, body, headers...)
	typed, _ := json.Marshal(body)
	said := strings.ToLower(fmt.Sprint(path, string(typed), headers))
	heard := strings.ToLower(fmt.Sprint(a.header, string(a.raw)))
	for _, canary := range canaries {
		require.NotContains(t, heard, canary, "%s %s %s %v", method, path, typed, headers)
	}
	for _, id := range x.ids {
		if strings.Contains(string(typed), id) {
			x.told[id] = true // it may be stored as a text of the attacker's own
		}
		if !strings.Contains(said, id) && !x.told[id] {
			require.NotContains(t, heard, id, "%s %s %s %v", method, path, typed, headers)
		}
	}
	require.True(t, a.status < 500 || a.status == 501, "%s %s %s %v: %s", method, path, typed, headers, a.raw)
	return a
}

// spellings are ways to write an id, of which a lenient reader takes some.
func spellings(id string) []string {
	return []string{
		id, strings.ToUpper(id), strings.ToUpper(id[:18]) + id[18:], strings.ReplaceAll(id, "-", ""), "{" + id + "}", "urn:uuid:" + id,
		fmt.Sprintf("%%%02x", id[0]) + id[1:], "x/../" + id, id + "%20",
	}
}

func TestR05_NothingOfAnotherUserByAnyRequest(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		x := commit(t, s)
		cursors := x.cursors(t)
		before := s.stored(t).belonging(x.ids...)
		require.GreaterOrEqual(t, len(before["patients"])+len(before["assignments"])+len(before["users"]), 5)

		for _, id := range x.ids {
			t.Run("ids in paths, in any spelling, by any verb", func(t *testing.T) { x.tryPaths(t, id) })
			t.Run("headers that name or override", func(t *testing.T) { x.tryHeaders(t, id) })
		}
		t.Run("query parameters, described and not", x.tryQueries)
		t.Run("the victim's cursors", func(t *testing.T) {
			for _, r := range s.routes() {
				for _, cursor := range cursors {
					if slices.Contains(r.in("query"), "cursor") {
						require.GreaterOrEqual(t, x.try(t, "GET", query(r.at(x.own["patient"].(string)), "cursor", cursor), nil).status, 400)
					}
				}
			}
		})
		t.Run("members of bodies, described and not", x.tryBodies)
		require.Equal(t, before, s.stored(t).belonging(x.ids...), "no row of the victim's has changed, come or gone")
		require.GreaterOrEqual(t, x.cases, atLeast(2000))
		t.Logf("%d cases", x.cases)
	})
}

// cursors are the victim's, of every list there is.
func (x *crime) cursors(t *testing.T) (all []string) {
	for _, r := range x.s.routes() {
		if slices.Contains(r.in("query"), "cursor") && r.allows(auth.Staff) {
			for range 2 {
				x.victim.in(t).do("GET", r.at(x.ids[0]), nil).is(200) // an access log grows by being read
			}
			link := x.victim.in(t).do("GET", query(r.at(x.ids[0]), "limit", "1"), nil).is(200).header.Get("Link")
			all = append(all, regexp.MustCompile(`cursor=([\w-]+)`).FindStringSubmatch(link)[1])
		}
	}
	return all
}

// requireNothing checks that an answer shows nothing of an object: it refuses, or names the methods of the path, which are those of any id.
func requireNothing(t *testing.T, method, at string, a answer) {
	t.Helper()
	if method == "OPTIONS" && a.status == 204 {
		require.Empty(t, a.raw)
		return
	}
	require.GreaterOrEqual(t, a.status, 400, "%s %s", method, at)
}

func (x *crime) tryPaths(t *testing.T, id string) {
	for _, path := range paths(x.s) {
		for i, spelt := range sampled(x.cases, spellings(id)) {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
				var body any = object{}
				for _, r := range writing(x.s.routes()) {
					if r.path == path && r.method == method {
						body = r.body(x.own)
					}
				}
				at := route{path: path}.at(spelt)
				requireNothing(t, method, at, x.try(t, method, at, body))
				if i == 0 {
					requireNothing(t, method, at, x.try(t, method, strings.TrimSuffix(at, "/"), nil))
				}
			}
		}
	}
}

// paths are the templates that name something.
func paths(s *service) (all []string) {
	for _, r := range s.routes() {
		if r.takesID() && !slices.Contains(all, r.path) {
			all = append(all, r.path)
		}
	}
	return all
}

func (x *crime) tryHeaders(t *testing.T, id string) {
	for _, r := range x.s.routes() {
		headers := [][2]string{
			{"X-HTTP-Method-Override", "DELETE"}, {"X-HTTP-Method", "GET"}, {"X-Method-Override", "PATCH"}, {"X-User-Id", id}, {"X-Forwarded-User", id},
			{"Remote-User", id}, {"Cookie", "user=" + id}, {"X-Forwarded-For", "127.0.0.1"}, {"X-Original-URL", "/api/patients/" + id},
			{"X-Rewrite-URL", "/api/mappings/patient/" + id + "/"}, {"X-Forwarded-Prefix", "/api/patients/" + id},
		}
		for _, name := range r.in("header") {
			for _, value := range []string{"*", `"v1"`, `W/"v1"`, "victims-key", id, "count=exact"} {
				headers = append(headers, [2]string{name, value})
			}
		}
		for _, header := range sampled(x.cases, headers) {
			var body any
			if r.op.RequestBody != nil {
				body = r.body(x.own)
			}
			a := x.try(t, r.method, r.at(id), body, header[0], header[1])
			if r.takesID() {
				require.GreaterOrEqual(t, a.status, 400, "%s %v", r, header)
			}
			if strings.Contains(r.path, "patients") {
				require.NotEqual(t, 422, a.status, "the victim's key is the victim's")
			}
		}
	}
}

func (x *crime) tryQueries(t *testing.T) {
	undescribed := []string{"id", "owner", "owner_id", "user_id", "created_by", "patient_id", "access_token", "fields", "expand", "_method"}
	for _, r := range x.s.routes() {
		if r.method != http.MethodGet {
			continue
		}
		for _, name := range append(undescribed, r.in("query")...) {
			for _, value := range sampled(x.cases, append([]string{"zyxcanary", "%", "*"}, x.ids...)) {
				a := x.try(t, "GET", query(r.at(x.own["patient"].(string)), name, value), nil, "Prefer", "count=exact")
				require.NotEqual(t, 401, a.status, "the attacker is signed in")
				if total := a.header.Get("X-Total-Count"); total != "" && a.next() == "" {
					require.Equal(t, fmt.Sprint(len(a.list())), total, "what cannot be seen is not counted")
				}
			}
		}
	}
}

func (x *crime) tryBodies(t *testing.T) {
	undescribed := []string{"id", "owner", "owner_id", "user_id", "created_by", "patient_id", "doctor_id", "user", "version"}
	for _, r := range writing(x.s.routes()) {
		for _, member := range append(undescribed, r.members()...) {
			for _, id := range x.ids {
				for _, value := range sampled(x.cases, []any{id, strings.ToUpper(id), object{"id": id}}) {
					body := r.body(x.own)
					body[member] = value
					a := x.try(t, r.method, r.at(x.own["patient"].(string)), body)
					require.False(t, a.status < 300 && bytes.Contains(a.raw, []byte(`"id":"`+id)), "%s %s: %s", r, member, a.raw)
				}
			}
		}
	}
}

// A thing of somebody else is answered, to the byte, like one that never was: in the path, in the query and in the body.
func TestR07_GeneratedForeignIsLikeMissing(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		x, nothing := commit(t, s), func(string) any { return nil }
		same := func(r route, at func(id string) string, body func(id string) any, headers ...string) {
			x.cases++
			ask := func(id string) string {
				a := x.attacker.do(r.method, at(id), body(id), headers...)
				a.header.Del("Date")
				a.header.Del("Link") // it repeats the address
				return fmt.Sprint(a.status, a.withoutRequestID(), a.header)
			}
			want := ask(missing)
			for _, id := range x.ids {
				require.Equal(t, want, ask(id), "%s %v", r, headers)
			}
		}
		for _, r := range s.routes() {
			fixed := func(string) string { return r.at(x.own["patient"].(string)) }
			for _, name := range r.in("query") {
				same(r, func(id string) string { return query(fixed(id), name, id) }, nothing, "Prefer", "count=exact")
			}
			for _, member := range r.members() {
				for _, known := range []object{x.own, {"patient": missing, "doctor": missing}} {
					if r.schemas()[member].Value.Format == "uuid" {
						same(r, fixed, func(id string) any { body := r.body(known); body[member] = id; return body }, "Idempotency-Key", "k")
					}
				}
			}
			if !r.takesID() {
				continue
			}
			for _, body := range []any{r.body(x.own), object{}, object{"name": 1}, "{"} {
				for _, match := range []string{"", "*", `"v1"`, `"v9"`} {
					same(r, r.at, func(string) any { return body }, "If-Match", match, "If-None-Match", match)
				}
			}
		}
		require.GreaterOrEqual(t, x.cases, 100)
		t.Logf("%d cases", len(x.ids)*x.cases)
	})
}
