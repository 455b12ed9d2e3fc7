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

// Quota is a limit of rows per user. Between two counts of the store it adds what this process inserts and subtracts
// what it deletes. The next count is due when a hundredth of the remaining room is used or the limit is reached, but
// not before a hundred times as long has passed as the last one took. So counting takes at most a hundredth of the
// time, and a hundred processes together stay within the limit, except for rows that they insert in that time.
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
	mu    sync.Mutex
	rows  int       // the last count, and what this process changed since
	begun int       // inserts of this process that have not ended, which a count may or may not see
	over  bool      // the last count ended beyond the limit, so that there may be any number
	room  int       // rows that may be inserted before the next count
	fresh time.Time // when the last count may be repeated
}

const (
	share    = 100    // of the room, and of the time
	maxUsers = 10_000 // in memory
)

// New returns a quota of limit rows per user, 0 for none. reached is the error of an insert beyond it.
func New(limit int, count Count, reached *errs.Error) *Quota {
	return &Quota{limit: limit, count: count, reached: reached, now: time.Now, users: map[uuid.UUID]*usage{}}
}

// Insert runs insert unless the user has as many rows as they may. A failed insert uses nothing up.
// Errors: the one for a reached limit; those of the count and of insert.
func (q *Quota) Insert(ctx context.Context, user uuid.UUID, insert func(context.Context) error) error {
	if q == nil || q.limit == 0 {
		return insert(ctx)
	}
	if err := q.take(ctx, user); err != nil {
		return err
	}
	err := insert(ctx)
	u := q.of(user)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.begun = max(0, u.begun-1)
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

func (q *Quota) take(ctx context.Context, user uuid.UUID) error {
	u := q.of(user)
	u.mu.Lock()
	defer u.mu.Unlock()
	if begun := q.now(); (u.room <= 0 || u.rows >= q.limit) && !begun.Before(u.fresh) {
		rows, err := q.count(ctx, user, q.limit+1)
		if err != nil {
			return err
		}
		ended := q.now()
		u.rows, u.over = rows+u.begun, rows > q.limit
		u.room, u.fresh = (q.limit-u.rows)/share, ended.Add(share*ended.Sub(begun))
	}
	if u.rows >= q.limit {
		return q.reached
	}
	u.rows++
	u.begun++
	u.room--
	return nil
}

// Changed adds rows of the user that this process has inserted without Insert, or deleted (negative).
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

// Forget causes the user's rows to be counted at their next insert. It is for deletions of rows that may belong to
// another user.
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

func (q *Quota) of(user uuid.UUID) *usage {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.users[user]
	if u == nil {
		if len(q.users) >= maxUsers {
			clear(q.users) // they are counted again
		}
		u = new(usage)
		q.users[user] = u
	}
	return u
}
