package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
)

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		created := c.Do("POST", "/api/patients/", object{"name": "A", "age": 1, "gender": "Other"}).Expect(201)
		path := "/api/patients/" + created.ID()
		require.Equal(t, `"v1"`, created.Header.Get("ETag"))

		t.Run("a client that has the version receives a 304", func(t *testing.T) {
			c := c.ForTest(t)
			for _, seen := range []string{`"v1"`, `W/"v1"`, `"v1-gzip"`, `W/"v1;gzip"`, `"v7", "v1"`, "*"} {
				a := c.Do("GET", path, nil, "If-None-Match", seen).Expect(304)
				require.Empty(t, a.Body)
				require.Equal(t, `"v1"`, a.Header.Get("ETag"))
			}
			c.Do("GET", path, nil, "If-None-Match", `"v2"`).Expect(200)
			c.Do("HEAD", path, nil, "If-None-Match", `"v1"`).Expect(304)
		})
		t.Run("a write that changes nothing keeps the version", func(t *testing.T) {
			require.Equal(t, `"v1"`, c.ForTest(t).Do("PATCH", path, object{"name": "A"}).Expect(200).Header.Get("ETag"))
		})
		t.Run("a change requires the version that it names", func(t *testing.T) {
			c := c.ForTest(t)
			require.Equal(
				t, `"v2"`, c.Do("PATCH", path, object{"name": "B"}, "If-Match", `"v1"`).Expect(200).Header.Get("ETag"))
			for _, stale := range []string{`"v1"`, `W/"v1"`, `"v1-gzip"`, `W/"x"`, `"x"`, "v2", `"v0", "v3"`} {
				c.Do("PATCH", path, object{"name": "C"}, "If-Match", stale).ExpectProblem(412, "stale_version")
				c.Do("PUT", path, object{"name": "C", "age": 1, "gender": "Other"}, "If-Match",
					stale).ExpectProblem(412, "stale_version")
				c.Do("DELETE", path, nil, "If-Match", stale).ExpectProblem(412, "stale_version")
			}
			require.Equal(t, "B", c.Do("GET", path, nil).Object()["name"])
			c.Do("PATCH", path, object{"name": "D"}, "If-Match", `"v9", "v2"`).Expect(200)
			c.Do("PATCH", path, object{"name": "E"}, "If-Match", "*").Expect(200)
			c.Do("PATCH", "/api/patients/0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", object{}, "If-Match",
				`"v1"`).ExpectProblem(404, "not_found")
		})
		t.Run("a change can name its version by a tag that a compressing proxy modified", func(t *testing.T) {
			c := c.ForTest(t)
			doctor := "/api/doctors/" + c.AddDoctor()
			patient := "/api/patients/" + c.AddPatient(object{"birth_date": "1990-02-28", "age": harness.OmitField})
			for i, form := range []func(tag string) string{
				func(tag string) string { return "W/" + tag },
				func(tag string) string { return strings.TrimSuffix(tag, `"`) + `-gzip"` },
				func(tag string) string { return strings.TrimSuffix(tag, `"`) + `;gzip"` },
				func(tag string) string { return `"other", W/` + strings.TrimSuffix(tag, `"`) + `--gzip"` },
			} {
				for _, one := range []string{doctor, patient} {
					tag := form(c.Do("GET", one, nil).Expect(200).Header.Get("ETag"))
					c.Do("GET", one, nil, "If-None-Match", tag).Expect(304)
					c.Do("PATCH", one, object{"name": fmt.Sprint("N", i)}, "If-Match", tag).Expect(200)
					c.Do("PATCH", one, object{"name": "M"}, "If-Match", tag).ExpectProblem(412, "stale_version")
				}
			}
		})
		t.Run("the same holds for doctors and assignments", func(t *testing.T) {
			c := c.ForTest(t)
			doctor := c.AddDoctor()
			c.Do("PATCH", "/api/doctors/"+doctor, object{"experience": 3}, "If-Match", `"v1"`).Expect(200)
			c.Do("PATCH", "/api/doctors/"+doctor, object{"experience": 4}, "If-Match", `"v1"`).ExpectProblem(412,
				"stale_version")
			c.Do("PUT", "/api/doctors/"+doctor, object{"name": "A", "specialization": "B", "experience": 4}, "If-Match",
				`"v1"`).ExpectProblem(412, "stale_version")
			assigned := c.Assign(created.ID(), doctor).Expect(201)
			at := assigned.Header.Get("Location")
			tag := assigned.Header.Get("ETag")
			c.Do("GET", at, nil, "If-None-Match", tag).Expect(304)
			c.Do("PATCH", path, object{"name": "Renamed"}).Expect(200)
			require.NotEqual(t, tag, c.Do("GET", at, nil, "If-None-Match", tag).Expect(200).Header.Get("ETag"),
				"it shows the patient's name")
			c.Do("DELETE", "/api/mappings/"+assigned.ID(), nil, "If-Match", `"v2"`).ExpectProblem(412, "stale_version")
			c.Do("DELETE", "/api/mappings/"+assigned.ID(), nil, "If-Match", tag).Expect(204)
			c.Do("DELETE", "/api/doctors/"+doctor, nil, "If-Match", `"v1"`).ExpectProblem(412, "stale_version")
			c.Do("DELETE", "/api/doctors/"+doctor, nil, "If-Match", `"v2"`).Expect(204)
		})
		t.Run("a computed age is part of the tag, not of the version", func(t *testing.T) {
			c := c.ForTest(t)
			a := c.Do("PATCH", path, object{"birth_date": "1990-02-28"}).Expect(200)
			require.Regexp(t, `^"v\d+-[0-9a-f]{16}"$`, a.Header.Get("ETag"))
			c.Do("GET", path, nil, "If-None-Match", a.Header.Get("ETag")).Expect(304)
			c.Do("DELETE", path, nil, "If-Match", a.Header.Get("ETag")).Expect(204)
		})
	})
}

func TestIfMatchRequired(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		patient, doctor := c.AddPatient(), c.AddDoctor()
		assignment := c.Assign(patient, doctor).ID()
		for _, path := range []string{"/api/patients/" + patient, "/api/doctors/" + doctor, "/api/mappings/" +
			assignment} {
			c.Do("DELETE", path, nil).ExpectProblem(428, "if_match_required")
		}
		for _, path := range []string{"/api/patients/" + patient, "/api/doctors/" + doctor} {
			c.Do("PUT", path, object{}).ExpectProblem(428, "if_match_required")
			c.Do("PATCH", path, object{}).ExpectProblem(428, "if_match_required")
			c.Do("PATCH", path, object{}, "If-Match", `"v1"`).Expect(200)
		}
		person, known := s.NewUser(t, "Person"), object{harness.Patient: patient}
		c.AddGrant(known, person)
		correction := correctionsOf(patient) + known["correction"].(string) + "/"
		c.Do("POST", correction+"decision/", object{"decision": "accepted"}).ExpectProblem(428, "if_match_required")
		person.Do("DELETE", correction, nil).ExpectProblem(428, "if_match_required")
		c.Do("POST", correction+"decision/", object{"decision": "accepted"}, "If-Match", `"v1"`).Expect(200)
	}, func(cfg *config.Config) { cfg.RequireIfMatch = true })
}

// of concurrent changes of the same version, one succeeds. concurrency_test.go tests disjoint PATCHes.
func TestR32_ConcurrentChangesOfOneVersion(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		path := "/api/patients/" + c.AddPatient()
		for _, version := range []string{`"v1"`, `"v2"`} {
			counts := harness.Concurrently(30, func(i int) harness.Response {
				return c.Do("PATCH", path, object{"notes": version + string(rune('a'+i))}, "If-Match", version)
			})
			require.Equal(t, map[int]int{200: 1, 412: 29}, counts)
		}
	})
}
