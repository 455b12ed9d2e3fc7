package security

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// Of the sign-ins that the throttle refuses, the first is recorded at once, and the number of the others at the latest
// when the program stops. Nothing in the trail identifies the account.
func TestRefusedSignInsAreRecordedAtTheStop(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		t.Run("the run with the refusals", func(t *testing.T) {
			s := harness.StartWith(t, db, harness.WithClock(clock.At(time.Now())), func(cfg *config.Config) {
				cfg.SignInFreeAttempts = 1
			})
			c, anonymous := s.NewUser(t, "Asha"), s.Anonymous(t)
			guess := func() harness.Response {
				return anonymous.Do("POST", "/api/auth/login/", object{"email": c.Email(), "password": "a guess"})
			}
			guess().Expect(401)
			for range 4 {
				guess().ExpectProblem(429, "too_many_attempts")
			}
		})
		s := harness.Start(t, db)
		auditor := s.NewUserWithRole(t, "auditor", "Auditor")
		var counts []any
		for _, entry := range auditor.Do("GET", "/api/audit/?action=login_failed", nil).Expect(200).List() {
			if entry["status"] != 429.0 {
				continue
			}
			counts = append(counts, entry["count"])
			for _, member := range []string{"actor", "resource", "patient", "session"} {
				require.Nil(t, entry[member], member)
			}
			require.Equal(t, "127.0.0.1", entry["address"])
		}
		require.ElementsMatch(t, []any{0.0, 3.0}, counts)
	})
}
