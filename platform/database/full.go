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
	at atomic.Int64 // nanoseconds since 1970; 0 if a transaction has succeeded since
}

// record updates the state with the result of a transaction.
func (s *fullState) record(err error) {
	switch {
	case fault.IsFull(err):
		s.at.Store(time.Now().UnixNano())
	case err == nil && s.at.Load() != 0:
		s.at.Store(0)
	}
}

// Ready verifies that the store can serve requests. Errors: those of Ping; errs.Unavailable while no space is left.
// Each request writes an entry to the audit trail before it responds, so without space all of them fail.
func (db *DB) Ready(ctx context.Context) error {
	if at := db.full.at.Load(); at != 0 && time.Since(time.Unix(0, at)) < fullPeriod {
		return fault.Unavailable(&fault.Error{Text: string(db.engine) + ": no space left", Full: true})
	}
	return db.Ping(ctx)
}
