// Package quota limits how many rows each user may have, without counting them at each insert.
package quota

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"healthcare/platform/errs"
)

// Count returns how many rows the user has, or limit if there are more. Errors: errs.Unavailable.
type Count func(ctx context.Context, user uuid.UUID, limit int) (int, error)

// Quota is a limit of rows per user. Between two counts in the store it adds the rows that this process inserts and
// subtracts the rows that it deletes. The next count is due when a hundredth of the remaining rows is used or the limit
// is reached, but not before a hundred times the duration of the last count. So counting takes at most a hundredth of
// the time, and a hundred processes together stay within the limit, except for the rows that they insert between two
// counts.
//
// A nil Quota has no limit.
type Quota struct {
	limit   int // 0: none
	count   Count
	reached *errs.Error
	now     func() time.Time

	mu    sync.Mutex
	users map[uuid.UUID]*usage
}

// usage is the state of one user. Its mutex is held during a count, so that concurrent inserts share it.
type usage struct {
	mu      sync.Mutex
	rows    int       // the last count, with the changes of this process since then
	running int       // running inserts of this process, which a count may or may not include
	over    bool      // the last count exceeded the limit, so that the number of rows is unknown
	left    int       // number of inserts before the next count
	fresh   time.Time // until when the last count is used
}

const (
	share    = 100    // divisor of the remaining rows, and of the time
	maxUsers = 10_000 // in memory
)

// New returns a quota of limit rows per user, 0 for none. reached is the error of an insert beyond the limit.
func New(limit int, count Count, reached *errs.Error) *Quota {
	return &Quota{limit: limit, count: count, reached: reached, now: time.Now, users: map[uuid.UUID]*usage{}}
}

// Insert calls insert unless the user has reached the limit. A failed insert does not count. Errors: the error for a
// reached limit; those of the count and of insert.
func (q *Quota) Insert(ctx context.Context, user uuid.UUID, insert func(context.Context) error) error {
	if q == nil || q.limit == 0 {
		return insert(ctx)
	}
	if err := q.reserve(ctx, user); err != nil {
		return err
	}
	err := insert(ctx)
	u := q.usageOf(user)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.running = max(0, u.running-1)
	if err != nil {
		u.add(-1)
	}
	return err
}

func (u *usage) add(rows int) {
	if !u.over || rows > 0 {
		u.rows = max(0, u.rows+rows)
	}
}

func (q *Quota) reserve(ctx context.Context, user uuid.UUID) error {
	u := q.usageOf(user)
	u.mu.Lock()
	defer u.mu.Unlock()
	if begun := q.now(); (u.left <= 0 || u.rows >= q.limit) && !begun.Before(u.fresh) {
		rows, err := q.count(ctx, user, q.limit+1)
		if err != nil {
			return err
		}
		ended := q.now()
		u.rows, u.over = rows+u.running, rows > q.limit
		u.left, u.fresh = (q.limit-u.rows)/share, ended.Add(share*ended.Sub(begun))
	}
	if u.rows >= q.limit {
		return q.reached
	}
	u.rows++
	u.running++
	u.left--
	return nil
}

// Changed adds rows of the user that this process has inserted without Insert, or deleted (negative). Call it after the
// commit: after a rollback, a count that is too low lets the user exceed the limit.
func (q *Quota) Changed(user uuid.UUID, rows int) {
	if q == nil {
		return
	}
	if u := q.known(user); u != nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.add(rows)
	}
}

// Forget discards the count, so that the next insert counts the user's rows again. It is for deletions of rows that may
// belong to another user.
func (q *Quota) Forget(user uuid.UUID) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.users, user)
}

func (q *Quota) known(user uuid.UUID) *usage {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.users[user]
}

func (q *Quota) usageOf(user uuid.UUID) *usage {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.users[user]
	if u == nil {
		if len(q.users) >= maxUsers {
			clear(q.users) // the next inserts count again
		}
		u = new(usage)
		q.users[user] = u
	}
	return u
}
