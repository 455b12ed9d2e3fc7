package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
)

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		created := c.do("POST", "/api/patients/", object{"name": "A", "age": 1, "gender": "Other"}).is(201)
		path := "/api/patients/" + created.id()
		require.Equal(t, `"v1"`, created.header.Get("ETag"))

		t.Run("a client that has the version is not sent it again", func(t *testing.T) {
			c := c.in(t)
			for _, seen := range []string{`"v1"`, `W/"v1"`, `"v1-gzip"`, `W/"v1;gzip"`, `"v7", "v1"`, "*"} {
				a := c.do("GET", path, nil, "If-None-Match", seen).is(304)
				require.Empty(t, a.raw)
				require.Equal(t, `"v1"`, a.header.Get("ETag"))
			}
			c.do("GET", path, nil, "If-None-Match", `"v2"`).is(200)
			c.do("HEAD", path, nil, "If-None-Match", `"v1"`).is(304)
		})
		t.Run("a write that changes nothing keeps the version", func(t *testing.T) {
			require.Equal(t, `"v1"`, c.in(t).do("PATCH", path, object{"name": "A"}).is(200).header.Get("ETag"))
		})
		t.Run("a change names the version it means", func(t *testing.T) {
			c := c.in(t)
			require.Equal(t, `"v2"`, c.do("PATCH", path, object{"name": "B"}, "If-Match", `"v1"`).is(200).header.Get("ETag"))
			for _, stale := range []string{`"v1"`, `W/"v1"`, `"v1-gzip"`, `W/"x"`, `"x"`, "v2", `"v0", "v3"`} {
				c.do("PATCH", path, object{"name": "C"}, "If-Match", stale).problem(412, "stale_version")
				c.do("PUT", path, object{"name": "C", "age": 1, "gender": "Other"}, "If-Match", stale).problem(412, "stale_version")
				c.do("DELETE", path, nil, "If-Match", stale).problem(412, "stale_version")
			}
			require.Equal(t, "B", c.do("GET", path, nil).object()["name"])
			c.do("PATCH", path, object{"name": "D"}, "If-Match", `"v9", "v2"`).is(200)
			c.do("PATCH", path, object{"name": "E"}, "If-Match", "*").is(200)
			c.do("PATCH", "/api/patients/0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", object{}, "If-Match", `"v1"`).problem(404, "not_found")
		})
		t.Run("a change names its version in the forms that compressing proxies make of a tag", func(t *testing.T) {
			c := c.in(t)
			doctor := "/api/doctors/" + c.addDoctor()
			patient := "/api/patients/" + c.addPatient(object{"birth_date": "1990-02-28", "age": remove})
			for i, form := range []func(tag string) string{
				func(tag string) string { return "W/" + tag },
				func(tag string) string { return strings.TrimSuffix(tag, `"`) + `-gzip"` },
				func(tag string) string { return strings.TrimSuffix(tag, `"`) + `;gzip"` },
				func(tag string) string { return `"other", W/` + strings.TrimSuffix(tag, `"`) + `--gzip"` },
			} {
				for _, one := range []string{doctor, patient} {
					tag := form(c.do("GET", one, nil).is(200).header.Get("ETag"))
					c.do("GET", one, nil, "If-None-Match", tag).is(304)
					c.do("PATCH", one, object{"name": fmt.Sprint("N", i)}, "If-Match", tag).is(200)
					c.do("PATCH", one, object{"name": "M"}, "If-Match", tag).problem(412, "stale_version")
				}
			}
		})
		t.Run("doctors and assignments likewise", func(t *testing.T) {
			c := c.in(t)
			doctor := c.addDoctor()
			c.do("PATCH", "/api/doctors/"+doctor, object{"experience": 3}, "If-Match", `"v1"`).is(200)
			c.do("PATCH", "/api/doctors/"+doctor, object{"experience": 4}, "If-Match", `"v1"`).problem(412, "stale_version")
			c.do("PUT", "/api/doctors/"+doctor, object{"name": "A", "specialization": "B", "experience": 4}, "If-Match", `"v1"`).problem(412, "stale_version")
			assigned := c.assign(created.id(), doctor).is(201)
			at := assigned.header.Get("Location")
			tag := assigned.header.Get("ETag")
			c.do("GET", at, nil, "If-None-Match", tag).is(304)
			c.do("PATCH", path, object{"name": "Renamed"}).is(200)
			require.NotEqual(t, tag, c.do("GET", at, nil, "If-None-Match", tag).is(200).header.Get("ETag"), "it shows the patient's name")
			c.do("DELETE", "/api/mappings/"+assigned.id(), nil, "If-Match", `"v2"`).problem(412, "stale_version")
			c.do("DELETE", "/api/mappings/"+assigned.id(), nil, "If-Match", tag).is(204)
			c.do("DELETE", "/api/doctors/"+doctor, nil, "If-Match", `"v1"`).problem(412, "stale_version")
			c.do("DELETE", "/api/doctors/"+doctor, nil, "If-Match", `"v2"`).is(204)
		})
		t.Run("an age that is counted is part of the tag, not of the version", func(t *testing.T) {
			c := c.in(t)
			a := c.do("PATCH", path, object{"birth_date": "1990-02-28"}).is(200)
			require.Regexp(t, `^"v\d+-[0-9a-f]{16}"$`, a.header.Get("ETag"))
			c.do("GET", path, nil, "If-None-Match", a.header.Get("ETag")).is(304)
			c.do("DELETE", path, nil, "If-Match", a.header.Get("ETag")).is(204)
		})
	})
}

func TestIfMatchRequired(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		patient, doctor := c.addPatient(), c.addDoctor()
		assignment := c.assign(patient, doctor).id()
		for _, path := range []string{"/api/patients/" + patient, "/api/doctors/" + doctor, "/api/mappings/" + assignment} {
			c.do("DELETE", path, nil).problem(428, "if_match_required")
		}
		for _, path := range []string{"/api/patients/" + patient, "/api/doctors/" + doctor} {
			c.do("PUT", path, object{}).problem(428, "if_match_required")
			c.do("PATCH", path, object{}).problem(428, "if_match_required")
			c.do("PATCH", path, object{}, "If-Match", `"v1"`).is(200)
		}
	}, func(cfg *config.Config) { cfg.RequireIfMatch = true })
}

// of many that mean to change the same version one does, and disjoint PATCHes lose nothing (see concurrency_test.go).
func TestR32_OneOfManyChangesTheVersion(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		path := "/api/patients/" + c.addPatient()
		for _, version := range []string{`"v1"`, `"v2"`} {
			counts := atOnce(30, func(i int) answer {
				return c.do("PATCH", path, object{"notes": version + string(rune('a'+i))}, "If-Match", version)
			})
			require.Equal(t, map[int]int{200: 1, 412: 29}, counts)
		}
	})
}
