package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/databasetest"
)

// TestAServerThatBecomesReadOnly has PostgreSQL refuse a write with SQLSTATE 25006, as a former primary does that keeps
// its sessions after a fail-over. SQLite has no such state.
func TestAServerThatBecomesReadOnly(t *testing.T) {
	t.Parallel()
	cfg := databasetest.PostgresMade(t, "")
	cfg.PoolSize = 1
	s := startService(t, cfg)
	c := s.user(t, "Asha")
	require.NoError(t, s.db.Write(t.Context()).Exec("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY").Error)
	refused := c.do("POST", "/api/patients/", verma)
	refused.problem(503, "unavailable")
	require.Equal(t, "1", refused.header.Get("Retry-After"))
	c.do("POST", "/api/patients/", verma).is(201)
}
