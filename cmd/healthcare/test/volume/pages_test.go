package volume

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// A page ends before it exceeds 1 MiB, and its link leads to the next items. HEAD creates no body, and records the
// number of items that GET would return.
func TestPagesOfLargeItems(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		s.AddLargePatients(t, c, 60, 10_000) // 40 kB each
		a := c.Do("GET", "/api/patients/?limit=500", nil).Expect(200)
		require.Less(t, len(a.Body), paging.MaxBytes)
		require.Greater(t, len(a.Body), paging.MaxBytes*9/10)
		pages := c.Pages("/api/patients/?limit=500&ordering=name", "id")
		require.Len(t, pages, 3)
		all := slices.Concat(pages...)
		require.Len(t, all, 61)
		slices.Sort(all)
		require.Len(t, slices.Compact(all), 61)
		require.Len(t, c.Do("GET", "/api/patients/", nil).List(), len(a.List()), "with any limit")

		head := c.Do("HEAD", "/api/patients/?limit=500&ordering=name", nil, "Prefer", "count=exact").Expect(200)
		require.Equal(t, "61", head.Header.Get("X-Total-Count"))
		require.Empty(t, head.Header.Get("Content-Length"))
		require.Equal(t, "application/json", head.Header.Get("Content-Type"))
		require.Len(t, c.Do("GET", head.NextPage(), nil).Expect(200).List(), len(pages[1]))

		shown := s.AuditEntries(t, head.Header.Get("X-Request-Id"))
		require.Len(t, shown, 1)
		require.Equal(t, "list", shown[0]["action"])
		require.EqualValues(t, len(pages[0]), shown[0]["id_count"])
		require.Empty(t, shown[0]["ids"])
	})
}

func TestPagesOfAssignmentsAreLimitedBySize(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		s.AddLargePatients(t, c, 399, 10)
		doctor := c.Do(
			"POST",
			"/api/doctors/",
			object{"name": strings.Repeat("𝒜", 255), "specialization": strings.Repeat("𝒜", 255), "experience": 1},
		).Expect(201).ID()
		id := map[database.Engine]string{database.Postgres: "gen_random_uuid()"}[s.DB.Engine()]
		if id == "" {
			id = "substr(id, 1, 24) || lower(hex(randomblob(6)))"
		}
		q := s.DB.Write(t.Context())
		require.NoError(t, q.Exec("UPDATE patients SET name = ?", strings.Repeat("𝒜", 255)).Error)
		require.NoError(t, q.Exec(
			"INSERT INTO assignments (id, owner_id, patient_id, doctor_id, assigned_at) "+
				"SELECT "+id+", owner_id, id, ?, created_at FROM patients",
			doctor,
		).Error)
		a := c.Do("GET", "/api/mappings/?limit=500", nil).Expect(200)
		require.Less(t, len(a.Body), paging.MaxBytes)
		require.Greater(t, len(a.Body), paging.MaxBytes*8/10)
		require.Len(t, slices.Concat(c.Pages("/api/mappings/?limit=500", "id")...), 400)
	})
}

// A user or network that causes too many entries of the trail is rejected, and others are not.
func TestRequestsBeyondTheBudgetOfTheTrail(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		attacker, bystander := s.NewUser(t, "Asha"), s.NewUser(t, "Bela")
		from := func(c *harness.Client, address string) harness.Response {
			return c.Do("GET", "/api/patients/", nil, "X-Forwarded-For", address)
		}
		refused := 0
		for range 60 {
			if a := from(attacker, "192.0.2.1"); a.Status != 200 {
				a.ExpectProblem(429, "too_many_requests")
				require.NotEmpty(t, a.Header.Get("Retry-After"))
				refused++
			}
		}
		require.InDelta(t, 20, refused, 6)
		from(attacker, "203.0.113.1").ExpectProblem(429, "too_many_requests") // the budget of the user, in any network
		from(bystander, "192.0.2.7").ExpectProblem(429, "too_many_requests")  // the budget of the network, for any user
		from(bystander, "198.51.100.1").Expect(200)
		s.Anonymous(t).Do("GET", "/livez", nil, "X-Forwarded-For", "192.0.2.1").Expect(200)
		recorded := s.FindAuditEntries(t, func(e object) bool { return e["action"] == "list" })
		require.Len(t, recorded, 61-refused)

		// refusals, other methods and responses without a body cost the same
		chen := s.NewUser(t, "Chen")
		requests := []struct {
			method, path string
			body         any
			status       int
		}{
			{"GET", "/api/users/", nil, 403},
			{"POST", "/api/patients/", object{"name": "A", "age": 1, "gender": "Other"}, 201},
			{"PATCH", "/api/auth/me/", object{"name": "Chen"}, 200},
			{"HEAD", "/api/patients/", nil, 200},
		}
		for i := range 11 {
			for _, r := range requests {
				a := chen.Do(r.method, r.path, r.body, "X-Forwarded-For", "2001:db8::1")
				if i < 10 {
					a.Expect(r.status)
				} else {
					a.Expect(429)
				}
			}
		}
	}, harness.BehindProxy, func(cfg *config.Config) { cfg.AuditRequestsPerHour = 40 })
}
