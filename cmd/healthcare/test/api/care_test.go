package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
)

// actsFor lets the user act for the doctor, as a claim of the record does.
func actsFor(t *testing.T, c *harness.Client, doctor string) {
	t.Helper()
	now := "2026-11-29T00:00:00.000000Z"
	require.NoError(t, c.Service.DB.Write(t.Context()).Exec(
		`INSERT INTO acting (user_id, principal_id, kind, since) VALUES (?, ?, 'doctor', ?)`,
		c.UserID(), doctor, now).Error)
}

// TestCareTeam follows an assignment: the doctor's user sees the patient at its levels from the next request on, and
// after the discharge gets the responses that a stranger gets.
func TestCareTeam(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		owner, treating := s.NewUser(t, "Owner"), s.NewUser(t, "Treating")
		doctor, colleague := owner.AddDoctor(), owner.AddDoctor()
		patient := owner.AddPatient(object{"name": "Zebra Crossing", "medical_record_number": "MRN-1"})
		own := treating.AddPatient()
		actsFor(t, treating, doctor)
		at := "/api/patients/" + patient + "/"
		// sees asserts whether the doctor's user sees the patient in every response.
		sees := func(t *testing.T, visible bool) {
			t.Helper()
			want, status := []string{own}, 404
			if visible {
				want, status = []string{patient, own}, 200
			}
			for _, query := range []string{"", "?ordering=name", "?ordering=-updated_at", "?gender=Female"} {
				var ids []string
				for _, found := range treating.Do("GET", "/api/patients/"+query, nil).Expect(200).List() {
					ids = append(ids, found["id"].(string))
				}
				require.ElementsMatch(t, want, ids, query)
			}
			counted := treating.Do("GET", "/api/patients/", nil, "Prefer", "count=exact").Expect(200)
			require.Equal(t, string(rune('0'+len(want))), counted.Header.Get("X-Total-Count"))
			found := treating.Do("GET", "/api/patients/?search=zebra", nil).Expect(200).List()
			require.Len(t, found, len(want)-1)
			one := treating.Do("GET", at, nil).Expect(status)
			treating.Do("GET", at+"access-log/", nil).Expect(status)
			team := treating.Do("GET", "/api/mappings/"+patient+"/", nil).Expect(status)
			if visible {
				require.Equal(t, patient, one.Object()["id"])
				require.Len(t, team.List(), 2, "the whole care team")
				return
			}
			missing := treating.Do("GET", "/api/patients/"+harness.MissingID+"/", nil).Expect(404)
			require.Equal(t, missing.WithoutRequestID(), one.WithoutRequestID())
			require.Empty(t, treating.Do("GET", "/api/mappings/", nil).Expect(200).List())
		}
		other := owner.Assign(patient, colleague).Expect(201).ID()
		sees(t, false)
		made := owner.Assign(patient, doctor).Expect(201)
		require.Equal(t, "read", made.Object()["access"])
		mapping, detail := "/api/mappings/"+made.ID()+"/", "/api/mappings/detail/"+made.ID()+"/"

		t.Run("read shows the patient and changes nothing", func(t *testing.T) {
			sees(t, true)
			require.Equal(t, made.Object(), treating.Do("GET", detail, nil).Expect(200).Object())
			treating.Do("GET", "/api/mappings/detail/"+other+"/", nil).Expect(200)
			require.Len(t, treating.Do("GET", "/api/mappings/", nil).Expect(200).List(), 1)
			require.Len(t, treating.Do("GET", "/api/mappings/?patient="+patient, nil).Expect(200).List(), 2)
			treating.Do("PATCH", at, object{"notes": "x"}).ExpectProblem(403, "read_only")
			treating.Do("DELETE", at, nil).ExpectProblem(403, "keeper_only")
			treating.Assign(patient, owner.AddDoctor()).ExpectProblem(403, "read_only")
			treating.Do("DELETE", "/api/mappings/"+other+"/", nil).ExpectProblem(403, "read_only")
			treating.Do("PATCH", mapping, object{"access": "write"}).ExpectProblem(403, "read_only")
		})
		t.Run("write permits changes that are not reserved for the keeper", func(t *testing.T) {
			tag := made.Header.Get("ETag")
			changed := owner.Do("PATCH", mapping, object{"access": "write"}, "If-Match", tag).Expect(200)
			require.Equal(t, "write", changed.Object()["access"])
			require.NotEqual(t, tag, changed.Header.Get("ETag"))
			owner.Do("PATCH", mapping, object{"access": "none"}, "If-Match", tag).Expect(412)
			owner.Do("PATCH", mapping, object{"access": "keep"}).Expect(400)
			sees(t, true)
			treating.Do("PATCH", at, object{"notes": "x"}).Expect(200)
			treating.Do("PATCH", at, object{"medical_record_number": "MRN-2"}).Expect(400)
			treating.Do("DELETE", at, nil).ExpectProblem(403, "keeper_only")
			treating.Do("PATCH", mapping, object{"access": "read"}).ExpectProblem(403, "own_assignment")
			treating.Do("DELETE", mapping, nil).ExpectProblem(403, "own_assignment")
			third := treating.Assign(patient, owner.AddDoctor()).Expect(201).ID()
			require.Len(t, owner.Do("GET", "/api/mappings/?patient="+patient, nil).Expect(200).List(), 3, "the owner's")
			treating.Do("DELETE", "/api/mappings/"+third+"/", nil).Expect(204)
		})
		t.Run("none shows nothing, but the filter by doctor finds the patient", func(t *testing.T) {
			owner.Do("PATCH", mapping, object{"access": "none"}).Expect(200)
			sees(t, false)
			treating.Do("GET", detail, nil).Expect(404)
			treating.Do("DELETE", mapping, nil).Expect(404)
			require.Len(t, owner.Do("GET", "/api/patients/?doctor="+doctor, nil).Expect(200).List(), 1)
			owner.Do("PATCH", mapping, object{"access": "read"}).Expect(200)
			sees(t, true)
		})
		t.Run("a discharge ends it", func(t *testing.T) {
			owner.Do("PATCH", mapping, object{"access": "write"}).Expect(200)
			repeated := object{"patient": patient, "doctor": owner.AddDoctor()}
			for range 2 {
				treating.Do("POST", "/api/mappings/", repeated, "Idempotency-Key", "third").Expect(201)
			}
			owner.Do("DELETE", mapping, nil).Expect(204)
			sees(t, false)
			treating.Do("POST", "/api/mappings/", repeated, "Idempotency-Key", "third").ExpectProblem(410, "gone")
			require.Empty(t, owner.Do("GET", "/api/patients/?doctor="+doctor, nil).Expect(200).List())
		})
		t.Run("an assignment to a patient of their own changes nothing for an owner", func(t *testing.T) {
			treating.Assign(own, doctor).Expect(201)
			require.Len(t, treating.Do("GET", "/api/patients/", nil).Expect(200).List(), 1)
			require.Len(t, treating.Do("GET", "/api/mappings/", nil).Expect(200).List(), 1)
			treating.Do("PATCH", "/api/patients/"+own+"/", object{"medical_record_number": "MRN-3"}).Expect(200)
		})
	})
}

func TestCareTeamAccessOff(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		owner := s.NewUser(t, "Owner")
		patient := owner.AddPatient()
		made := owner.Assign(patient, owner.AddDoctor()).Expect(201).Object()
		require.Equal(t, "none", made["access"])
		explicit := object{"patient": patient, "doctor": owner.AddDoctor(), "access": "read"}
		made = owner.Do("POST", "/api/mappings/", explicit).Expect(201).Object()
		require.Equal(t, "read", made["access"])
	}, func(c *config.Config) { c.CareTeamAccess = "off" })
}
