package api

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/config"
)

// transferred is the body of the response to a transfer.
func transferred(moved, left int, conflicts ...string) object {
	ids := make([]any, len(conflicts))
	for i, id := range conflicts {
		ids[i] = id
	}
	return object{"moved": float64(moved), "left": float64(left), "conflicts": ids}
}

func TestAnEmployeeLeaves(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin := s.NewUserWithRole(t, auth.Admin, "Admin")
		leaver, heir, stranger := s.NewUser(t, "Leaver"), s.NewUser(t, "Heir"), s.NewUser(t, "Stranger")
		numbered := func(number string) object { return object{"medical_record_number": number} }
		clash, plain := leaver.AddPatient(numbered("M-1")), leaver.AddPatient(numbered("M-2"))
		newest := leaver.AddPatient()
		heir.AddPatient(numbered("M-1"))
		foreign := stranger.AddPatient(numbered("M-2"))
		doctor := leaver.AddDoctor()
		mapping := leaver.Assign(plain, doctor).Expect(201).ID()
		leaver.Assign(clash, doctor).Expect(201)
		account, receiver := "/api/users/"+leaver.UserID()+"/", heir.UserID()
		path := account + "transfer/"
		give := func(limit int, headers ...string) harness.Response {
			return admin.Do("POST", path, object{"to": receiver, "limit": limit}, headers...)
		}
		read := func(c *harness.Client, id string, headers ...string) harness.Response {
			return c.Do("GET", "/api/patients/"+id+"/", nil, headers...)
		}
		before := read(leaver, plain).Expect(200)
		unaffected := read(stranger, foreign).Expect(200)

		t.Run("the patients are counted before", func(t *testing.T) {
			require.Equal(t, transferred(0, 2, clash),
				admin.Do("GET", path+"?to="+receiver, nil).Expect(200).Object())
			require.Equal(t, transferred(0, 3), admin.Do("GET", path, nil).Expect(200).Object())
			require.Equal(t, before.Object(), read(leaver, plain).Expect(200).Object())
		})
		t.Run("the account is disabled, and the patients move step by step", func(t *testing.T) {
			admin.Do("PATCH", account, object{"active": false}).Expect(200)
			require.Equal(t, transferred(1, 1, clash), give(1).Expect(200).Object())
			require.Equal(t, transferred(1, 0, clash), give(1000).Expect(200).Object())
			require.Equal(t, transferred(0, 0, clash), give(1000).Expect(200).Object())
		})
		t.Run("the new owner sees them and their assignments", func(t *testing.T) {
			after := read(heir, plain).Expect(200)
			expected := before.Object()
			expected["created_by"], expected["updated_at"] = receiver, after.Object()["updated_at"]
			require.Equal(t, expected, after.Object())
			read(heir, newest).Expect(200)
			require.Len(t, heir.Do("GET", "/api/patients/", nil).List(), 3)
			assigned := heir.Do("GET", "/api/mappings/", nil).List()
			require.Len(t, assigned, 1)
			require.Equal(t, mapping, assigned[0]["id"])
			heir.Do("DELETE", "/api/mappings/"+mapping+"/", nil).Expect(204)
		})
		t.Run("the version has changed", func(t *testing.T) {
			etag := before.Header.Get("ETag")
			read(heir, plain, "If-None-Match", etag).Expect(200)
			heir.Do("PATCH", "/api/patients/"+plain+"/", object{"notes": "x"}, "If-Match", etag).Expect(412)
		})
		t.Run("the access log names the transfer and the administrator", func(t *testing.T) {
			found := s.FindAuditEntries(t, func(entry object) bool { return entry["action"] == "transferred" })
			require.Len(t, found, 5, "two patients, and three requests")
			log := heir.Do("GET", "/api/patients/"+plain+"/access-log/", nil).Expect(200).List()
			var actors []any
			for _, entry := range log {
				if entry["action"] == "transferred" {
					actors = append(actors, entry["actor"])
				}
			}
			require.Equal(t, []any{admin.UserID()}, actors)
		})
		t.Run("a former owner who is enabled again sees only the patients that stayed", func(t *testing.T) {
			admin.Do("PATCH", account, object{"active": true}).Expect(200)
			leaver.Token = leaver.SignIn()
			kept := leaver.Do("GET", "/api/patients/", nil).List()
			require.Len(t, kept, 1)
			require.Equal(t, clash, kept[0]["id"])
			require.Equal(t, read(leaver, uuid.NewString()).Expect(404).Object()["detail"],
				read(leaver, plain).Expect(404).Object()["detail"])
			require.Len(t, leaver.Do("GET", "/api/mappings/", nil).List(), 1)
		})
		t.Run("patients of other users are unaffected", func(t *testing.T) {
			now := read(stranger, foreign).Expect(200)
			require.Equal(t, unaffected.Body, now.Body)
			require.Equal(t, unaffected.Header.Get("ETag"), now.Header.Get("ETag"))
		})
		t.Run("a repeated request moves nothing more", func(t *testing.T) {
			late, later := leaver.AddPatient(), leaver.AddPatient()
			require.Equal(t, transferred(1, 1, clash), give(1, "Idempotency-Key", "k").Expect(200).Object())
			again := give(1, "Idempotency-Key", "k").Expect(200)
			require.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
			require.Equal(t, transferred(0, 1, clash), again.Object())
			read(heir, late).Expect(200)
			read(leaver, later).Expect(200)
			give(2, "Idempotency-Key", "k").ExpectProblem(422, "idempotency_key_reused")
		})
		t.Run("unsuitable receivers are rejected", func(t *testing.T) {
			to := func(c *harness.Client, receiver any) harness.Response {
				return c.Do("POST", path, object{"to": receiver})
			}
			auditor := s.NewUserWithRole(t, "auditor", "Auditor")
			to(admin, auditor.UserID()).ExpectProblem(409, "cannot_keep_patients")
			to(admin, uuid.NewString()).ExpectProblem(404, "not_found")
			admin.Do("POST", "/api/users/"+uuid.NewString()+"/transfer/", object{"to": receiver}).
				ExpectProblem(404, "not_found")
			for _, wrong := range []any{leaver.UserID(), "x", nil} {
				require.Contains(t, to(admin, wrong).ExpectProblem(400, "validation_failed").Errors, "to")
			}
			for _, limit := range []int{0, 1001} {
				require.Contains(t, give(limit).ExpectProblem(400, "validation_failed").Errors, "limit")
			}
			to(heir, receiver).ExpectProblem(403, "forbidden")
			to(auditor, receiver).ExpectProblem(403, "forbidden")
		})
	})
}

func TestTransferToAUserWithoutRoom(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin, leaver, heir := s.NewUserWithRole(t, auth.Admin, "Admin"), s.NewUser(t, "Leaver"), s.NewUser(t, "Heir")
		leaver.AddPatient()
		leaver.AddPatient()
		heir.AddPatient()
		give := func() harness.Response {
			return admin.Do("POST", "/api/users/"+leaver.UserID()+"/transfer/", object{"to": heir.UserID()})
		}
		require.Equal(t, transferred(1, 1), give().Expect(200).Object())
		give().ExpectProblem(409, "limit_reached")
		require.Len(t, heir.Do("GET", "/api/patients/", nil).List(), 2)
	}, func(c *config.Config) { c.MaxPatientsPerUser = 2 })
}

// In every order, an assignment has the owner of its patient, and no request fails with 5xx.
func TestConcurrentTransfersAssignmentsAndRegistrations(t *testing.T) {
	t.Parallel()
	const rounds, patients = 25, 8 // 200 assignments beside transfers
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin, leaver, heir := s.NewUserWithRole(t, auth.Admin, "Admin"), s.NewUser(t, "Leaver"), s.NewUser(t, "Heir")
		doctor := leaver.AddDoctor()
		give := func(limit int) harness.Response {
			return admin.Do("POST", "/api/users/"+leaver.UserID()+"/transfer/",
				object{"to": heir.UserID(), "limit": limit})
		}
		var outcomes sync.Map
		for range rounds {
			var steps []func() harness.Response
			for range patients {
				patient := leaver.AddPatient()
				steps = append(steps, func() harness.Response { return leaver.Assign(patient, doctor) })
			}
			body := object{"name": "A", "age": 1, "gender": "Other"}
			steps = append(steps,
				func() harness.Response { return give(3) },
				func() harness.Response { return give(4) },
				func() harness.Response { return leaver.Do("POST", "/api/patients/", body) })
			for status := range harness.Concurrently(len(steps), func(i int) harness.Response { return steps[i]() }) {
				outcomes.Store(status, true)
			}
		}
		for status := range outcomes.Range {
			require.Contains(t, []any{200, 201, 404}, status)
		}
		for give(1000).Expect(200).Object()["left"] != float64(0) {
		}
		require.Empty(t, leaver.Do("GET", "/api/patients/", nil).List())
		require.Empty(t, leaver.Do("GET", "/api/mappings/", nil).List())
		var stale, all int64
		db := s.DB.Read(t.Context())
		require.NoError(t, db.Raw(`SELECT count(*) FROM assignments a JOIN patients p ON p.id = a.patient_id
			WHERE a.owner_id <> p.owner_id`).Scan(&stale).Error)
		require.NoError(t, db.Raw(`SELECT count(*) FROM patients WHERE owner_id = ?`, heir.UserID()).Scan(&all).Error)
		require.Zero(t, stale)
		require.EqualValues(t, rounds*(patients+1), all)
	})
}
