package database

import (
	"context"
	"sync/atomic"
	"time"

	"healthcare/platform/database/internal/fault"
)

// fullPeriod is the time for which the store counts as full after it had no space for a transaction. A successful
// transaction ends it.
const fullPeriod = 10 * time.Second

// fullState records the last time at which the store had no space left.
type fullState struct {
	at atomic.Pointer[time.Time] // nil if a transaction has succeeded since; monotonic, for a clock that is set back
}

// record updates the state with the result of a transaction.
func (s *fullState) record(err error) {
	switch {
	case fault.IsFull(err):
		now := time.Now()
		s.at.Store(&now)
	case err == nil && s.at.Load() != nil:
		s.at.Store(nil)
	}
}

// Ready verifies that the store can serve requests. Errors: those of Ping; errs.Unavailable while no space is left.
// Each request writes an entry to the audit trail before it responds, so without space all of them fail.
func (db *DB) Ready(ctx context.Context) error {
	if at := db.full.at.Load(); at != nil && time.Since(*at) < fullPeriod {
		return fault.Unavailable(&fault.Error{Text: string(db.engine) + ": no space left", Full: true})
	}
	return db.Ping(ctx)
}
