package quota

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/platform/errs"
)

var errReached = errs.New(errs.Conflict, "limit_reached", "Limit reached.")

// table is a store of rows in memory, with a clock that each count advances by cost.
type table struct {
	mu     sync.Mutex
	rows   map[uuid.UUID]int
	counts int
	now    time.Time
	cost   time.Duration
}

func (s *table) count(_ context.Context, user uuid.UUID, limit int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts++
	s.now = s.now.Add(s.cost)
	return min(limit, s.rows[user]), nil
}

func (s *table) add(user uuid.UUID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[user]++
	return nil
}

func (s *table) time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func newQuota(limit int) (*Quota, *table) {
	s := &table{rows: map[uuid.UUID]int{}, now: time.Now(), cost: time.Millisecond}
	q := New(limit, s.count, errReached)
	q.now = s.time
	return q, s
}

func TestInsert(t *testing.T) {
	user, other := uuid.New(), uuid.New()
	insert := func(q *Quota, s *table, user uuid.UUID) error {
		return q.Insert(t.Context(), user, func(context.Context) error { return s.add(user) })
	}
	t.Run("stops at the limit, also with concurrent inserts, and for that user only", func(t *testing.T) {
		q, s := newQuota(250)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for range 100 {
					if err := insert(q, s, user); err != nil {
						require.ErrorIs(t, err, errReached)
					}
				}
			})
		}
		all.Wait()
		require.Equal(t, 250, s.rows[user])
		require.NoError(t, insert(q, s, other))
	})
	t.Run("counts seldom, and not at each rejection", func(t *testing.T) {
		q, s := newQuota(10_000)
		for range 10_500 {
			s.now = s.now.Add(10 * time.Microsecond)
			_ = insert(q, s, user)
		}
		require.Equal(t, 10_000, s.rows[user])
		require.Less(t, s.counts, 5, "a count takes 1 ms, all inserts 105 ms")
	})
	t.Run("counts rows that other processes insert", func(t *testing.T) {
		q, s := newQuota(1000)
		for i := 0; insert(q, s, user) == nil; i++ {
			s.now = s.now.Add(time.Second)
			s.rows[user]++ // by another process
			require.Less(t, i, 1000)
		}
		require.InDelta(t, 1000, s.rows[user], 2)
	})
	t.Run("allows inserts after a deletion: its own at once, of others after the next count", func(t *testing.T) {
		q, s := newQuota(1)
		require.NoError(t, insert(q, s, user))
		require.ErrorIs(t, insert(q, s, user), errReached)
		s.rows[user]--
		require.ErrorIs(t, insert(q, s, user), errReached)
		q.Changed(user, -1)
		require.NoError(t, insert(q, s, user))
		s.rows[user]--
		s.now = s.now.Add(share * s.cost)
		require.NoError(t, insert(q, s, user))
		s.rows[user]--
		q.Forget(user)
		require.NoError(t, insert(q, s, user))
	})
	t.Run("counts running inserts, which the store does not count yet", func(t *testing.T) {
		q, s := newQuota(10)
		var begun, all sync.WaitGroup
		end := make(chan struct{})
		for range 6 {
			begun.Add(1)
			all.Go(func() {
				_ = q.Insert(t.Context(), user, func(context.Context) error {
					begun.Done()
					<-end
					return s.add(user)
				})
			})
		}
		begun.Wait()
		for range 8 {
			s.now = s.now.Add(time.Second) // so that the count is repeated
			_ = insert(q, s, user)
		}
		close(end)
		all.Wait()
		require.Equal(t, 10, s.rows[user])
	})
	t.Run("rejects an insert after the deletion of one of too many rows", func(t *testing.T) {
		q, s := newQuota(30)
		s.rows[user] = 40
		require.ErrorIs(t, insert(q, s, user), errReached)
		s.rows[user]--
		q.Changed(user, -1)
		require.ErrorIs(t, insert(q, s, user), errReached)
	})
	t.Run("does not count a failed insert", func(t *testing.T) {
		q, s := newQuota(1)
		down := errors.New("down")
		for range 3 {
			require.ErrorIs(t, q.Insert(t.Context(), user, func(context.Context) error { return down }), down)
		}
		require.NoError(t, insert(q, s, user))
	})
	t.Run("does not count without a limit", func(t *testing.T) {
		q, s := newQuota(0)
		for range 10 {
			require.NoError(t, insert(q, s, user))
		}
		require.Zero(t, s.counts)
	})
	t.Run("stores the usage of a bounded number of users", func(t *testing.T) {
		q, s := newQuota(1)
		for range maxUsers + 1 {
			require.NoError(t, insert(q, s, uuid.New()))
		}
		require.LessOrEqual(t, len(q.users), maxUsers)
	})
}
