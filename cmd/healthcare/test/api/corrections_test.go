package api

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// correctionsOf returns the path of a patient's corrections.
func correctionsOf(patient string) string { return "/api/patients/" + patient + "/corrections/" }

// TestCorrections is the way of a correction from the request of the patient to the decision of the keeper.
func TestCorrections(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		keeper, person, stranger := s.NewUser(t, "Keeper"), s.NewUser(t, "Person"), s.NewUser(t, "Stranger")
		patient := keeper.AddPatient(object{"phone": "1", "notes": "Calm."})
		keeper.AddPatient(object{"medical_record_number": "taken"})
		at, all := "/api/patients/"+patient+"/", correctionsOf(patient)
		claim(person, keeper.Invite(patient), nil).Expect(201)
		phone := object{"field": "phone", "value": "+91 80 5550 0199", "because": "It changed in October."}
		accept := object{"decision": "accepted"}
		ask := func(t *testing.T, body object, headers ...string) (string, harness.Response) {
			t.Helper()
			a := person.ForTest(t).Do("POST", all, body, headers...).Expect(201)
			require.Equal(t, all+a.ID()+"/", a.Header.Get("Location"))
			return a.Header.Get("Location"), a
		}

		t.Run("are asked for by the patient, and shown to the keeper", func(t *testing.T) {
			require.Equal(t, "patient", person.ForTest(t).Do("GET", "/api/auth/me/", nil).Expect(200).Object()["role"])
			one, asked := ask(t, phone)
			require.Equal(t, `"v1"`, asked.Header.Get("ETag"))
			shown := asked.Object()
			askedAt, err := time.Parse(time.RFC3339, shown["asked_at"].(string))
			require.NoError(t, err)
			answerBy, err := time.Parse(time.RFC3339, shown["answer_by"].(string))
			require.NoError(t, err)
			require.Equal(t, 60*24*time.Hour, answerBy.Sub(askedAt))
			require.Equal(t, object{
				"id": shown["id"], "patient": patient, "field": "phone", "value": phone["value"],
				"because": phone["because"], "asked_by": person.UserID(), "asked_at": shown["asked_at"],
				"answer_by": shown["answer_by"], "state": "pending", "note": "", "decided_by": nil, "decided_at": nil,
				"version": 1.0,
			}, shown)
			for _, c := range []*harness.Client{keeper.ForTest(t), person.ForTest(t)} {
				require.Equal(t, []object{shown}, c.Do("GET", all, nil).Expect(200).List())
				require.Equal(t, shown, c.Do("GET", one, nil).Expect(200).Object())
			}
			require.Equal(t, "1", keeper.ForTest(t).Do("GET", at, nil).Expect(200).Object()["phone"], "not yet changed")
			person.ForTest(t).Do("DELETE", one, nil, "If-Match", `"v1"`).Expect(204)
			require.Empty(t, keeper.ForTest(t).Do("GET", all, nil).Expect(200).List())
		})
		t.Run("of a foreign patient are answered like those of a missing one", func(t *testing.T) {
			one, _ := ask(t, phone)
			id := strings.TrimPrefix(one, all)
			stranger, missing := stranger.ForTest(t), correctionsOf(harness.MissingID)
			for _, r := range []struct {
				method, path string
				body         any
			}{
				{"GET", "", nil}, {"POST", "", phone}, {"POST", "", object{}}, {"GET", id, nil}, {"DELETE", id, nil},
				{"POST", id + "decision/", accept}, {"POST", id + "decision/", object{}},
			} {
				foreign := stranger.Do(r.method, all+r.path, r.body)
				require.Equal(t, stranger.Do(r.method, missing+r.path, r.body).WithoutRequestID(),
					foreign.WithoutRequestID())
				if r.body == nil || len(r.body.(object)) > 0 {
					foreign.ExpectProblem(404, "not_found")
				}
			}
			person.ForTest(t).Do("DELETE", one, nil).Expect(204)
		})
		t.Run("are for the patient and the keeper alone", func(t *testing.T) {
			one, _ := ask(t, phone)
			keeper.ForTest(t).Do("POST", all, phone).ExpectProblem(403, "requester_only")
			keeper.ForTest(t).Do("DELETE", one, nil).ExpectProblem(403, "requester_only")
			person.ForTest(t).Do("POST", one+"decision/", accept).ExpectProblem(403, "forbidden")
			relative, doctor := s.NewUserWithRole(t, auth.Staff, "Relative"), s.NewUser(t, "Doctor")
			relative.AddPatient()
			claim(relative, invite(keeper.ForTest(t), patient, "delegate"), nil).Expect(201)
			relative.Do("POST", one+"decision/", accept).ExpectProblem(403, "keeper_only")
			relative.Do("DELETE", one, nil).ExpectProblem(403, "requester_only")
			require.Len(t, relative.Do("GET", all, nil).Expect(200).List(), 1)
			record := keeper.AddDoctor()
			doctor.Do("POST", doctorClaims, object{"code": keeper.InviteDoctor(record)["code"]}).Expect(201)
			keeper.Assign(patient, record).Expect(201)
			doctor.Do("GET", at, nil).Expect(200)
			doctor.Do("GET", all, nil).ExpectProblem(403, "requester_only")
			doctor.Do("GET", one, nil).ExpectProblem(403, "requester_only")
			doctor.Do("POST", all, phone).ExpectProblem(403, "requester_only")
			person.ForTest(t).Do("DELETE", one, nil).Expect(204)
		})
		t.Run("with a value that could not be accepted are rejected", func(t *testing.T) {
			person := person.ForTest(t)
			for _, r := range []struct {
				body object
				of   string
			}{
				{object{"field": "phone", "value": strings.Repeat("7391648", 9), "because": "x"}, "value"},
				{object{"field": "gender", "value": "7391648", "because": "x"}, "value"},
				{object{"field": "notes", "value": "7391648", "because": "x"}, "field"},
				{object{"field": "phone", "value": "7391648", "because": " "}, "because"},
			} {
				problem := person.Do("POST", all, r.body)
				require.Contains(t, problem.ExpectProblem(400, "validation_failed").Errors, r.of)
				require.NotContains(t, string(problem.Body), "7391648")
			}
			age := object{"field": "age", "value": "44", "because": "x"}
			one := all + person.Do("POST", all, age).Expect(201).ID() + "/"
			require.Equal(t, "44", person.Do("GET", one, nil).Expect(200).Object()["value"])
			person.Do("DELETE", one, nil).Expect(204)
		})
		t.Run("are declined, asked for again and accepted, once each", func(t *testing.T) {
			keeper, before := keeper.ForTest(t), keeper.ForTest(t).Do("GET", at, nil).Expect(200)
			one, _ := ask(t, phone)
			keeper.Do("POST", one+"decision/", object{"decision": "declined"}).ExpectProblem(400, "validation_failed")
			decline := object{"decision": "declined", "note": "It is right."}
			keeper.Do("POST", one+"decision/", decline, "If-Match", `"v2"`).ExpectProblem(412, "stale_version")
			declined := keeper.Do("POST", one+"decision/", decline, "If-Match", `"v1"`).Expect(200)
			require.Equal(t, `"v2"`, declined.Header.Get("ETag"))
			shown := person.ForTest(t).Do("GET", one, nil).Expect(200).Object()
			require.Equal(t, declined.Object(), shown)
			require.Equal(t, []any{"declined", "It is right.", keeper.UserID(), 2.0},
				[]any{shown["state"], shown["note"], shown["decided_by"], shown["version"]})
			keeper.Do("POST", one+"decision/", accept).ExpectProblem(409, "already_decided")
			person.ForTest(t).Do("DELETE", one, nil).ExpectProblem(409, "already_decided")
			require.Equal(t, before.Body, keeper.Do("GET", at, nil).Expect(200).Body)

			two, _ := ask(t, phone)
			accepted := keeper.Do("POST", two+"decision/", accept, "Idempotency-Key", "accept").Expect(200)
			patient := keeper.Do("GET", at, nil).Expect(200)
			require.Equal(t, phone["value"], patient.Object()["phone"])
			require.Equal(t, `"v2"`, patient.Header.Get("ETag"))
			require.Equal(t, phone["value"], person.ForTest(t).Do("GET", at, nil).Expect(200).Object()["phone"])
			again := keeper.Do("POST", two+"decision/", accept, "Idempotency-Key", "accept").Expect(200)
			require.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
			require.Equal(t, accepted.Body, again.Body)
			keeper.Do("POST", two+"decision/", accept, "If-Match", `"v1"`).ExpectProblem(412, "stale_version")
			keeper.Do("POST", two+"decision/", accept, "If-Match", `"v2"`).ExpectProblem(409, "already_decided")
			three, _ := ask(t, phone)
			keeper.Do("POST", three+"decision/", accept, "Idempotency-Key", "accept").ExpectProblem(422,
				"idempotency_key_reused")
			newest := []string{}
			for _, c := range keeper.Do("GET", all, nil).Expect(200).List() {
				newest = append(newest, all+c["id"].(string)+"/")
			}
			require.Equal(t, []string{three, two, one}, newest)
			require.Len(t, keeper.Pages(all+"?limit=1", "id"), 3)
			person.ForTest(t).Do("DELETE", three, nil).Expect(204)
		})
		t.Run("that cannot be accepted now stay pending", func(t *testing.T) {
			one, asked := ask(t, object{"field": "medical_record_number", "value": "taken", "because": "x"})
			keeper := keeper.ForTest(t)
			keeper.Do("POST", one+"decision/", accept).ExpectProblem(409, "medical_record_number_taken")
			require.Equal(t, asked.Object(), keeper.Do("GET", one, nil).Expect(200).Object())
			require.Equal(t, `"v2"`, keeper.Do("GET", at, nil).Expect(200).Header.Get("ETag"))
			person.ForTest(t).Do("DELETE", one, nil).Expect(204)
		})
		t.Run("that are repeated with an Idempotency-Key have one effect", func(t *testing.T) {
			one, first := ask(t, phone, "Idempotency-Key", "ask")
			_, again := ask(t, phone, "Idempotency-Key", "ask")
			require.Equal(t, first.Body, again.Body)
			require.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
			person.ForTest(t).Do("DELETE", one, nil).Expect(204)
			person.ForTest(t).Do("POST", all, phone, "Idempotency-Key", "ask").ExpectProblem(410, "gone")
		})
		t.Run("of one patient are limited while they are pending", func(t *testing.T) {
			for range 20 {
				ask(t, phone)
			}
			person.ForTest(t).Do("POST", all, phone).ExpectProblem(409, "too_many_corrections")
		})
		t.Run("are recorded without values", func(t *testing.T) {
			log := keeper.ForTest(t).Do("GET", at+"access-log/?limit=500", nil).Expect(200)
			seen := map[any]bool{}
			for _, e := range log.List() {
				if e["resource_type"] == "Correction" {
					seen[e["action"]] = true
				}
			}
			require.Equal(t, map[any]bool{"create": true, "read": true, "list": true, "update": true, "delete": true},
				seen)
			for _, private := range []string{"5550 0199", "October", "It is right"} {
				require.NotContains(t, string(log.Body), private)
				require.NotContains(t, s.Log.String(), private)
			}
		})
		t.Run("end with the patient", func(t *testing.T) {
			keeper.ForTest(t).Do("DELETE", at, nil).Expect(204)
			var rows int64
			require.NoError(t, s.DB.Read(t.Context()).Table("patient_corrections").Count(&rows).Error)
			require.Zero(t, rows)
			person.ForTest(t).Do("GET", all, nil).ExpectProblem(404, "not_found")
		})
	})
}
