package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/databasetest"
)

// TestServerBecomesReadOnly makes PostgreSQL reject a write with SQLSTATE 25006, as a former primary does that keeps
// its sessions after a fail-over. SQLite has no such state.
func TestServerBecomesReadOnly(t *testing.T) {
	t.Parallel()
	cfg := databasetest.PostgresWith(t, "")
	cfg.PoolSize = 1
	s := harness.Start(t, cfg)
	c := s.NewUser(t, "Asha")
	var refused harness.Response
	for range 10 { // work in the background may be refused first, and replaces the session
		require.NoError(t, s.DB.Write(t.Context()).Exec("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY").Error)
		if refused = c.Do("POST", "/api/patients/", harness.VermaPatient); refused.Status != 201 {
			break
		}
	}
	refused.ExpectProblem(503, "unavailable")
	require.Equal(t, "1", refused.Header.Get("Retry-After"))
	c.Do("POST", "/api/patients/", harness.VermaPatient).Expect(201)
}
