package jobs_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/jobs"
)

var now = time.Date(2026, time.November, 28, 5, 40, 0, 0, time.UTC)

type fixture struct {
	db    *database.DB
	clock *clock.Manual
	queue *jobs.Queue
	fail  atomic.Pointer[error]
}

func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := &fixture{db: db, clock: clock.At(now)}
		f.queue = jobs.NewQueue(db, f.clock)
		require.NoError(t, db.Write(t.Context()).Exec(`CREATE TABLE work (id integer NOT NULL)`).Error)
		test(t, f)
	})
}

// batch deletes rows of the table work, and then fails with f.fail if it is set.
func (f *fixture) batch(ctx context.Context, _ jobs.Job, limit int) (jobs.Progress, error) {
	done := f.db.Write(ctx).
		Exec(`DELETE FROM work WHERE id IN (SELECT id FROM work ORDER BY id LIMIT ?)`, min(limit, 10))
	if fail := f.fail.Load(); fail != nil {
		return jobs.Progress{}, *fail
	}
	return jobs.Progress{Rows: done.RowsAffected, More: f.rows(ctx) > 0}, done.Error
}

func (f *fixture) rows(ctx context.Context) (n int64) {
	if err := f.db.Read(ctx).Raw(`SELECT count(*) FROM work`).Scan(&n).Error; err != nil {
		panic(err)
	}
	return n
}

func (f *fixture) runner(t *testing.T) *jobs.Runner {
	t.Helper()
	r, err := jobs.NewRunner([]jobs.Handler{{Kind: "clear", Batch: f.batch}}, f.queue, zap.NewNop())
	require.NoError(t, err)
	return r
}

func (f *fixture) add(t *testing.T, rows int) string {
	t.Helper()
	var id uuid.UUID
	require.NoError(t, f.db.Do(t.Context(), func(ctx context.Context) (err error) {
		for i := range rows {
			if err := f.db.Write(ctx).Exec(`INSERT INTO work (id) VALUES (?)`, i).Error; err != nil {
				return err
			}
		}
		id, err = f.queue.Add(ctx, "clear", map[string]uuid.UUID{}, int64(rows))
		return err
	}))
	require.EqualValues(t, 4, id.Version(), "unguessable")
	return id.String()
}

func (f *fixture) status(t *testing.T, id string) jobs.Status {
	t.Helper()
	status, err := f.queue.Find(t.Context(), id)
	require.NoError(t, err)
	return status
}

func TestBatches(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id, r := f.add(t, 25), f.runner(t)
		require.Equal(t, jobs.Status{State: jobs.Pending, Total: 25}, f.status(t, id))
		step := func() {
			worked, err := r.Step(t.Context())
			require.NoError(t, err)
			require.True(t, worked)
		}
		step()
		require.Equal(t, jobs.Status{State: jobs.Running, Done: 10, Total: 25}, f.status(t, id))

		failure := errors.New("cannot")
		f.fail.Store(&failure)
		step()
		require.EqualValues(t, 15, f.rows(t.Context()), "the failed batch was rolled back")
		require.Equal(t, jobs.Status{State: jobs.Running, Done: 10, Total: 25}, f.status(t, id))
		worked, err := r.Step(t.Context())
		require.NoError(t, err)
		require.False(t, worked, "the next attempt is not due yet")

		f.fail.Store(nil)
		f.clock.Advance(time.Second)
		step()
		comes := f.db.Write(t.Context()).Exec(`INSERT INTO work (id) VALUES (1000)`) // while the job runs
		require.NoError(t, comes.Error)
		r = f.runner(t) // as after a restart
		step()
		require.Equal(t, jobs.Status{State: jobs.Done, Done: 26, Total: 26}, f.status(t, id))
		f.clock.Advance(jobs.Retention)
		_, err = f.queue.Find(t.Context(), id)
		require.ErrorIs(t, err, jobs.ErrNotFound)
	})
}

// A job continues, and its state expires, although the clock was set back.
func TestTheClockGoesBack(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for _, ahead := range []time.Duration{time.Hour, 365 * 24 * time.Hour} {
			f.clock.Advance(ahead)
			ended := f.add(t, 0)
			r := f.runner(t)
			step := func(want bool) {
				t.Helper()
				worked, err := r.Step(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, worked)
			}
			step(true)
			require.Equal(t, jobs.Done, f.status(t, ended).State)
			id, other := f.add(t, 25), f.add(t, 5)
			step(true)
			failure := errors.New("cannot")
			f.fail.Store(&failure)
			step(true)
			step(true)
			f.fail.Store(nil)
			f.clock.Advance(-ahead)
			r = f.runner(t) // as after a restart
			for range 5 {
				step(f.status(t, id).State != jobs.Done || f.status(t, other).State != jobs.Done)
			}
			require.Equal(t, jobs.Done, f.status(t, id).State)
			require.Equal(t, jobs.Done, f.status(t, other).State)

			stop, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); r.Run(stop, t.Context()) }()
			require.Eventually(t, func() bool {
				var longest int
				require.NoError(t, f.db.Read(t.Context()).Raw(`SELECT count(*) FROM jobs WHERE expires_at > ?`,
					database.At(f.clock.Now().Add(jobs.Retention))).Scan(&longest).Error)
				return longest == 0
			}, 10*time.Second, 10*time.Millisecond)
			cancel()
			<-done
			require.Equal(t, jobs.Done, f.status(t, ended).State)
			f.clock.Advance(jobs.Retention)
			_, err := f.queue.Find(t.Context(), ended)
			require.ErrorIs(t, err, jobs.ErrNotFound)
		}
	})
}

// A clock that is set forward by mistake does not delete the state of jobs.
func TestTheClockIsSetForwardByMistake(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ended, r := f.add(t, 0), f.runner(t)
		_, err := r.Step(t.Context())
		require.NoError(t, err)
		f.clock.Set(2 * jobs.Retention)
		other := f.add(t, 0)
		stop, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(stop, t.Context()) }() // deletes expired jobs first
		require.Eventually(t, func() bool { return f.status(t, other).State == jobs.Done }, 10*time.Second,
			10*time.Millisecond)
		cancel()
		<-done
		f.clock.Set(-2 * jobs.Retention)
		require.Equal(t, jobs.Done, f.status(t, ended).State)
	})
}

// The size of fast batches grows up to MaxBatch.
func TestBatchesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, 0)
		var limits []int
		r, err := jobs.NewRunner([]jobs.Handler{{Kind: "clear", Batch: func(
			_ context.Context, _ jobs.Job, limit int,
		) (jobs.Progress, error) {
			limits = append(limits, limit)
			return jobs.Progress{More: true}, nil
		}}}, f.queue, zap.NewNop())
		require.NoError(t, err)
		for grown := 0; grown < 3; { // a loaded machine has slow batches as well
			require.Less(t, len(limits), 1000)
			worked, err := r.Step(t.Context())
			require.NoError(t, err)
			require.True(t, worked)
			limit := limits[len(limits)-1]
			require.LessOrEqual(t, limit, jobs.MaxBatch)
			if limit == jobs.MaxBatch {
				grown++
			}
		}
	})
}

func TestPermanentFailure(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.add(t, 5)
		failure := jobs.Permanent(errors.New("never"))
		f.fail.Store(&failure)
		_, err := f.runner(t).Step(t.Context())
		require.NoError(t, err)
		require.Equal(t, jobs.Status{State: jobs.Failed, Total: 5}, f.status(t, id))
	})
}

// Two instances process one job at the same time.
func TestRunners(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		stop, cancel := context.WithCancel(t.Context())
		done := make(chan struct{}, 2)
		for range 2 {
			r := f.runner(t)
			go func() { r.Run(stop, t.Context()); done <- struct{}{} }()
		}
		id := f.add(t, 100)
		require.Eventually(
			t, func() bool { return f.status(t, id).State == jobs.Done }, 10*time.Second, 10*time.Millisecond,
		)
		require.Equal(t, jobs.Status{State: jobs.Done, Done: 100, Total: 100}, f.status(t, id))
		cancel()
		<-done
		<-done
	})
}

func TestUndone(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		undone := errors.New("undone")
		var id uuid.UUID
		require.ErrorIs(t, f.db.Do(t.Context(), func(ctx context.Context) (err error) {
			id, err = f.queue.Add(ctx, "clear", nil, 1)
			require.NoError(t, err)
			return undone
		}), undone)
		_, err := f.queue.Find(t.Context(), id.String())
		require.ErrorIs(t, err, jobs.ErrNotFound)
		_, err = f.queue.Find(t.Context(), "no id")
		require.ErrorIs(t, err, jobs.ErrNotFound)
	})
}
