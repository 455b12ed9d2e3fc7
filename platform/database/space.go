package database

import (
	"context"
	"sync/atomic"
	"time"

	"healthcare/platform/database/internal/fault"
)

// fullFor is how long the store counts as full after it refused a transaction for want of space, unless one succeeds.
const fullFor = 10 * time.Second

// space remembers when the store had none left.
type space struct {
	refused atomic.Int64 // nanoseconds since 1970; 0: not since a transaction succeeded
}

// after notes what became of a transaction.
func (s *space) after(err error) {
	switch {
	case fault.IsFull(err):
		s.refused.Store(time.Now().UnixNano())
	case err == nil && s.refused.Load() != 0:
		s.refused.Store(0)
	}
}

// Ready is Ping, and errs.Unavailable while the store has no space left: what is shown or changed is recorded first, so
// then nothing can be.
func (db *DB) Ready(ctx context.Context) error {
	if at := db.space.refused.Load(); at != 0 && time.Since(time.Unix(0, at)) < fullFor {
		return fault.Unavailable(&fault.Error{Text: string(db.engine) + ": no space is left", Full: true})
	}
	return db.Ping(ctx)
}
