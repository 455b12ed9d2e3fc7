package app_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// Three instances record and compete to seal. Each entry is in the chain once.
func TestInstancesCompeteToSeal(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		const each = 150
		var all sync.WaitGroup
		for range 3 {
			instance := h.restarted()
			for range 2 {
				all.Go(func() {
					for range each {
						if err := instance.Record(t.Context(), newStaff(), reading()); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Go(func() {
				for range 30 {
					if err := instance.sealing.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 6*each, h.verified(t))
		require.Len(t, h.entries(t), 6*each)
		require.EqualValues(t, 6*each, h.restarted().verified(t))
		require.Empty(t, h.checkpoints.reported)
	})
}

// A batch whose transaction commits after later ids were sealed is sealed later.
func TestALateCommitIsSealed(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		if db.Engine() == database.Postgres { // SQLite has one writer, so ids are in the order of commits
			testLateCommit(t, db)
		}
	})
}

func testLateCommit(t *testing.T, db *database.DB) {
	h := newFixture(db)
	began, commit, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		ended <- db.Do(t.Context(), func(ctx context.Context) error {
			err := h.Record(ctx, newStaff(), reading())
			close(began)
			<-commit
			return err
		})
	}()
	<-began
	h.record(t, 3)
	require.Len(t, h.entries(t), 3)
	require.NoError(t, h.Tick(t.Context()))
	h.clock.Advance(11 * time.Minute)
	h.record(t, 1)
	require.NoError(t, h.Tick(t.Context())) // the low-water mark is now above the id of the late batch
	close(commit)
	require.NoError(t, <-ended)
	h.record(t, 1) // acknowledges the late batch
	require.NoError(t, h.sealing.Flush(t.Context()))
	require.EqualValues(t, 6, h.verified(t), "the late batch is in the inbox, so it is not missing")
	require.EqualValues(t, 1, h.unsealed(t))
	h.clock.Advance(11 * time.Minute)
	require.NoError(t, h.Tick(t.Context()))
	require.Zero(t, h.unsealed(t), "the whole inbox is read every ten minutes")
	require.EqualValues(t, 6, h.restarted().verified(t))
	require.Len(t, h.checkpoints.reported, 1)
	require.ErrorContains(t, h.checkpoints.reported[0], "a clock jumped, or a transaction took minutes")
}

// A process may end at any statement of sealing. The next one continues, and every entry is in the chain once.
func TestSealingContinuesAfterEveryFault(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		recorded := int64(0)
		err := databasetest.ResumeWithFaults(t, db, func(ctx context.Context) error {
			require.NoError(t, h.Record(t.Context(), newStaff(), readings(40)...))
			recorded += 40
			h.clock.Advance(25 * time.Hour) // completes a block of the index
			return errors.Join(h.restarted().Tick(ctx))
		}, "audit_inbox", "audit_segments", "audit_chain", "audit_index", "audit_heads")
		require.NoError(t, err)
		require.NoError(t, h.sealing.Flush(t.Context()))
		require.NoError(t, h.sealing.Index(t.Context()))
		require.Equal(t, recorded, h.restarted().verified(t))
		require.Len(t, h.entries(t), int(recorded))
	})
}

// An alarm is reported once, and the trail goes on.
func TestAlarms(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		require.NoError(t, h.Tick(t.Context()))
		h.record(t, 3)
		require.EqualValues(t, 3, h.unsealed(t))
		disableSegmentTriggers(t, db)
		exec(t, db, "UPDATE audit_inbox SET batch = ? WHERE id = (SELECT max(id) FROM audit_inbox)", columnBytes("x"))
		exec(t, db, "DELETE FROM audit_inbox WHERE id = (SELECT min(id) FROM audit_inbox)")
		h.record(t, 1)
		require.Len(t, h.seal(t), 1)
		require.ErrorContains(t, errors.Join(h.checkpoints.reported...), "segment 1 has a batch that was set aside")
		h.checkpoints.reported = nil
		h.clock.Advance(11 * time.Minute)
		require.NoError(t, h.Tick(t.Context()))
		require.Len(t, h.checkpoints.reported, 2)
		require.ErrorContains(t, errors.Join(h.checkpoints.reported...), "batch 1 of writer")
		require.ErrorContains(t, errors.Join(h.checkpoints.reported...), "batch 3 of writer")
		h.clock.Advance(11 * time.Minute)
		require.NoError(t, h.Tick(t.Context()))
		require.Len(t, h.checkpoints.reported, 2)
		tally := h.sealing.Tally()
		require.EqualValues(t, 1, tally.Aside)
		require.EqualValues(t, 2, tally.Missing)
		require.EqualValues(t, 1, tally.Segments)
	})
}

// A segment that was inserted after the end of the chain prevents sealing. The keeper and verification report it.
func TestAStraySegmentIsReported(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		h.record(t, 1)
		h.seal(t)
		exec(t, db, "INSERT INTO audit_segments SELECT number + 1, first, entries, first_at, last_at, sealed_at, "+
			"key_id, mac, raw_size, packed FROM audit_segments")
		h.record(t, 1)
		requireFlaw(t, h.sealing.Flush(t.Context()), 2)
		requireFlaw(t, h.Tick(t.Context()), 2)
		_, err := h.Verify(t.Context(), "", noProgress)
		requireFlaw(t, err, 2)
		require.ErrorContains(t, err, "prevents sealing until it is deleted")
		disableSegmentTriggers(t, db)
		exec(t, db, "DELETE FROM audit_segments WHERE number = 2")
		require.Len(t, h.entries(t), 2)
		require.EqualValues(t, 2, h.verified(t))
	})
}

// A row that was inserted with the greatest id is set aside, and does not keep later batches from being sealed.
func TestAnInsertedIDDoesNotPreventSealing(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		if db.Engine() == database.SQLite {
			return // a trigger refuses the row
		}
		h := newFixture(db)
		h.record(t, 1)
		h.seal(t)
		exec(t, db, "INSERT INTO audit_inbox (id, entries, batch) VALUES (9223372036854775807, 1, ?)", columnBytes("x"))
		for range 4 {
			h.clock.Advance(11 * time.Minute)
			h.record(t, 1)
			require.NoError(t, h.Tick(t.Context()))
			require.Zero(t, h.unsealed(t))
		}
		h.record(t, 1)
		h.clock.Advance(time.Minute) // the inbox is read from the low-water mark
		require.NoError(t, h.Tick(t.Context()))
		h.clock.Advance(time.Minute)
		require.NoError(t, h.Tick(t.Context()))
		require.Zero(t, h.unsealed(t))
		require.Len(t, h.entries(t), 6)
		require.ErrorContains(t, errors.Join(h.checkpoints.reported...), "set aside")
	})
}

// A row that is larger than any batch is set aside without being read. The test and its parts are not parallel, because
// they measure the memory of the process.
func TestALargeRowIsNotRead(t *testing.T) { //nolint:paralleltest // measures memory
	const size, limit = 16 << 20, 8 << 20
	lite, pg := databasetest.Both(t)
	for insert, cfg := range map[string]database.Config{
		"INSERT INTO audit_inbox (id, entries, batch) SELECT max(id) + 1, 1, zeroblob(?) FROM audit_inbox": lite,
		"INSERT INTO audit_inbox (entries, batch) VALUES (1, decode(repeat('00', ?), 'hex'))":              pg,
	} {
		db, err := database.Open(cfg, zap.NewNop())
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		require.NoError(t, db.Connect(t.Context()))
		h := newFixture(db)
		h.record(t, 1)
		exec(t, db, insert, size)
		h.record(t, 1)
		allocated := func(do func()) uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			do()
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		require.Less(t, allocated(func() {
			_, err := h.Verify(t.Context(), "", noProgress)
			require.ErrorContains(t, err, "is not authentic")
		}), uint64(limit))
		require.Less(t, allocated(func() { require.NoError(t, h.sealing.Flush(t.Context())) }), uint64(limit))
		require.Zero(t, h.unsealed(t))
		require.Len(t, h.entries(t), 2)
		require.ErrorContains(t, errors.Join(h.checkpoints.reported...), fmt.Sprintf("the row has %d bytes", size))
		_, err = h.restarted().Verify(t.Context(), "", noProgress)
		require.ErrorContains(t, err, "was set aside")
	}
}

// Readers one after the other wait for at most a quarter of a second.
func TestReadersWaitShortly(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	for range 20 {
		h.record(t, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		require.NoError(t, h.sealing.FlushForReader(ctx))
		cancel()
		require.Zero(t, h.unsealed(t))
	}
}

// A reader sees all earlier entries, also of more than one segment and less than two.
func TestFlushSealsSeveralSegments(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	for range 15 {
		h.record(t, domain.MaxSegmentEntries/10)
	}
	require.NoError(t, h.sealing.FlushForReader(t.Context()))
	require.Zero(t, h.unsealed(t))
	require.Len(t, h.entries(t), 15*domain.MaxSegmentEntries/10)
}

// A batch of a key that no instance knows is set aside after five minutes.
func TestABatchOfAnUnknownKeyWaits(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		other := domain.NewKeys([]domain.Secret{secret("other")}, []domain.Secret{secret("checkpoints")})
		batch := domain.NewWriter().Next(now, []domain.Entry{{Action: "read", Outcome: "success"}})
		require.NoError(t, h.segments.Insert(t.Context(), 1, batch.Seal(other)))
		h.record(t, 1)
		require.Empty(t, h.seal(t))
		require.EqualValues(t, 2, h.unsealed(t))
		require.Len(t, h.checkpoints.reported, 1)
		require.ErrorContains(t, h.checkpoints.reported[0], "It waits 5m0s for an instance that knows the key")
		h.clock.Advance(4 * time.Minute)
		require.Empty(t, h.seal(t))
		h.clock.Advance(time.Minute)
		require.Len(t, h.seal(t), 1)
		require.Zero(t, h.unsealed(t))
		require.ErrorContains(t, errors.Join(h.checkpoints.reported...), "set aside")
	})
}

// Recording ends when too many batches wait, because sealing fails.
func TestRecordingEndsIfTheInboxIsFull(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	exec(t, h.db, `INSERT INTO audit_inbox (id, entries, batch) WITH RECURSIVE numbers (n) AS (
		SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n <= 100000) SELECT n, 1, x'00' FROM numbers`)
	h.record(t, 1) // the inbox was not measured yet
	exec(t, h.db, "DROP TABLE audit_index")
	exec(t, h.db, "ALTER TABLE audit_segments RENAME TO audit_segments_away") // sealing fails
	require.Error(t, h.Tick(t.Context()))
	err := h.Record(t.Context(), newStaff(), reading())
	require.Equal(t, errs.Unavailable, errs.KindOf(err), "%v", err)
}

// An entry takes at most 100 bytes in full segments, whatever its batch.
func TestBytesOfAnEntry(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		fillTrail(t, h, 5000)
		bytes := float64(storedBytes(t, db)) / float64(len(h.entries(t)))
		require.Less(t, bytes, 100.0)
		t.Logf("%.0f bytes of an entry", bytes)
	})
}

// The instance whose clock is set reports it at once. Segments show it only once the clock has gone back.
func TestTheOwnClockWasSet(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		tick := func(jumps int64) {
			t.Helper()
			h.record(t, 1)
			require.NoError(t, h.Tick(t.Context()))
			require.Equal(t, jumps, h.sealing.Tally().Jumps)
		}
		tick(0)
		h.clock.Advance(time.Hour)
		tick(0)
		h.clock.Set(5 * time.Second)
		tick(0)
		h.clock.Set(365 * 24 * time.Hour)
		tick(1)
		require.ErrorContains(t, h.checkpoints.reported[0], "the clock of this machine was set by 8760h0m0s")
		tick(1)
		require.Len(t, h.checkpoints.reported, 1)
	})
}
