package harness

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/platform/audit"
)

// StatementRecorder records the statements that the service sent since the last Take or Count.
type StatementRecorder struct {
	mu    sync.Mutex
	texts map[string]bool
	sent  int // number of statements, including repeated ones
}

// ofTrail are parts of the statements whose number depends on how the audit trail was sealed.
var ofTrail = []string{`FROM "audit_segments"`, `FROM "audit_entries"`, `FROM "audit_subjects"`}

// ofCache is part of a statement whose number depends on the time: the endpoints of webhooks are read once a second.
const ofCache = `FROM "webhook_endpoints" WHERE enabled = `

// ofPostgres is part of a statement that SQLite does not need: its writing transactions run one after the other.
const ofPostgres = `SELECT pg_advisory_xact_lock(key) `

// recorded is part of the statement that stores the audit entries of requests. It may store those of several.
const recorded = "INSERT INTO audit_inbox"

// inBackground reports whether a statement is not counted: one of a task that runs beside the requests, and
// independently of them, has no request.
func inBackground(ctx context.Context, text string) bool {
	isPart := func(part string) bool { return strings.Contains(text+";", part) }
	return audit.RequestOf(ctx).ID == "" && !isPart(recorded) || isPart(ofPostgres) || isPart(ofCache) ||
		slices.ContainsFunc(ofTrail, isPart)
}

// EveryColumn matches SELECT *, which is not allowed: the column of a newer release would change the result.
var EveryColumn = regexp.MustCompile(`(?i)(?:SELECT|RETURNING|,)\s+(?:DISTINCT\s+)?(?:[\w"]+\.)?\*|"\.\*`)

// RecordStatements records the text of every statement of both pools.
func (s *Service) RecordStatements(t *testing.T) *StatementRecorder {
	r := &StatementRecorder{texts: map[string]bool{}}
	note := func(db *gorm.DB) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if text := db.Statement.SQL.String(); !inBackground(db.Statement.Context, text) {
			r.texts[text] = true
			r.sent++
		}
	}
	pools := []*gorm.DB{s.DB.Write(t.Context())}
	if reader := s.DB.Read(t.Context()); reader.Callback() != pools[0].Callback() {
		pools = append(pools, reader)
	}
	for _, pool := range pools {
		callbacks := pool.Callback()
		require.NoError(t, callbacks.Create().After("gorm:create").Register("test:record", note))
		require.NoError(t, callbacks.Query().After("gorm:query").Register("test:record", note))
		require.NoError(t, callbacks.Update().After("gorm:update").Register("test:record", note))
		require.NoError(t, callbacks.Delete().After("gorm:delete").Register("test:record", note))
		require.NoError(t, callbacks.Row().After("gorm:row").Register("test:record", note))
		require.NoError(t, callbacks.Raw().After("gorm:raw").Register("test:record", note))
	}
	return r
}

// Take returns the recorded statements and clears the record.
func (r *StatementRecorder) Take() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.texts
	r.texts = map[string]bool{}
	return taken
}

// Count returns the number of statements since the last call, and clears the record.
func (r *StatementRecorder) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent, r.texts = 0, map[string]bool{}
	return sent
}
