package volume

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/doctors"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestReleaseOfManyAssignments logs the duration of a batch.
func TestReleaseOfManyAssignments(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("takes minutes: set SOAK=1")
	}
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		var released doctors.Assignments
		s := harness.StartWith(t, db, fx.Populate(&released))
		c := s.NewUser(t, "Asha")
		from, to := c.AddDoctor(), c.AddDoctor()
		for range 160 {
			s.AddAssignedPatients(t, c.UserID(), from, 500)
		}
		for _, step := range []struct{ from, to string }{{from, to}, {to, ""}} {
			var durations []time.Duration
			for start := time.Now(); s.ReleaseDoctor(t, released, step.from, step.to) > 0; start = time.Now() {
				durations = append(durations, time.Since(start))
			}
			slices.Sort(durations)
			n := len(durations)
			t.Logf("%d batches to %q: p50 %v, p99 %v, max %v",
				n, step.to, durations[n/2], durations[n*99/100], durations[n-1])
		}
	})
}

// TestAdministratorsRemoveADoctor removes doctors of other users' patients by jobs.
func TestAdministratorsRemoveADoctor(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		asha, admin := s.NewUserWithRole(t, auth.Staff, "Asha"), s.NewUserWithRole(t, auth.Admin, "Admin")
		ended := func(t *testing.T, a harness.Response) {
			t.Helper()
			at := a.Expect(202).Header.Get("Location")
			require.Eventually(t, func() bool {
				return asha.ForTest(t).Do("GET", at, nil).Expect(200).Object()["state"] == "done"
			}, 20*time.Second, 20*time.Millisecond)
		}
		doctor, other := asha.AddDoctor(), asha.AddDoctor()
		patients := s.AddAssignedPatients(t, asha.UserID(), doctor, 120)
		asha.Assign(patients[0], other).Expect(201)
		at := "/api/doctors/" + doctor
		admin.Do("DELETE", at, nil).ExpectProblem(409, "doctor_in_use")
		refused := asha.Do("DELETE", at+"?force=true", nil)
		refused.ExpectProblem(403, "forbidden")
		entries := s.AuditEntries(t, refused.Header.Get("X-Request-Id"))
		require.Len(t, entries, 1)
		require.Equal(t, "refused", entries[0]["action"])
		require.EqualValues(t, 403, entries[0]["status"])
		require.Equal(t, doctor, fmt.Sprint(entries[0]["resource_id"]))
		admin.Do("DELETE", at+"?force=true&reassign_to="+other, nil).ExpectProblem(400, "validation_failed")
		admin.Do("DELETE", at+"?reassign_to="+doctor, nil).ExpectProblem(400, "validation_failed")
		admin.Do("DELETE", at+"?reassign_to="+harness.MissingID, nil).ExpectProblem(400, "validation_failed")
		admin.Do("DELETE", at+"?force=true", nil, "If-Match", `"v9"`).ExpectProblem(412, "stale_version")
		ended(t, admin.Do("DELETE", at+"?reassign_to="+other, nil))
		admin.Do("GET", at, nil).ExpectProblem(404, "not_found")
		require.Len(t, asha.Do("GET", "/api/mappings/?limit=500&doctor="+other, nil).Expect(200).List(), 120)
		ended(t, admin.Do("DELETE", "/api/doctors/"+other+"?force=true", nil))
		require.Empty(t, asha.Do("GET", "/api/mappings/", nil).Expect(200).List())
		log := asha.Do("GET", "/api/patients/"+patients[5]+"/access-log/", nil).Expect(200).List()
		require.Equal(t, admin.UserID(), log[0]["actor"])
		require.Equal(t, []any{"assignments"}, log[0]["fields"])
	})
}
