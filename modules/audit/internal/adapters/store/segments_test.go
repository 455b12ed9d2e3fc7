package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/modules/audit/internal/adapters/store"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// segmentsEnv is a store with a writer and a sealer.
type segmentsEnv struct {
	ports.Segments
	db     *database.DB
	writer *domain.Writer
	sealer *domain.Sealer
}

func eachSegments(t *testing.T, test func(t *testing.T, e segmentsEnv)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		test(t, segmentsEnv{
			store.NewSegments(db), db, domain.NewWriter(), domain.NewSealer(keys, domain.NewHistory(false)),
		})
	})
}

// insert adds n batches of one entry to the inbox.
func (e segmentsEnv) insert(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	for range n {
		batch := e.writer.Next(now, []domain.Entry{fullEntry()})
		require.NoError(t, e.Insert(ctx, 1, batch.Seal(keys)))
		e.writer.Committed(batch)
	}
}

// next returns the next segment, without storing it.
func (e segmentsEnv) next(t *testing.T) (after domain.Position, seal domain.Seal) {
	t.Helper()
	chain, err := e.Chain(t.Context())
	require.NoError(t, err)
	rows, err := e.Inbox(t.Context(), 0)
	require.NoError(t, err)
	seal, err = e.sealer.Next(chain.Span.To, rows, now, true)
	require.NoError(t, err)
	return chain.Span.To, seal
}

func (e segmentsEnv) seal(t *testing.T) domain.Segment {
	t.Helper()
	after, seal := e.next(t)
	stored, err := e.Seal(t.Context(), after, seal)
	require.NoError(t, err)
	require.True(t, stored)
	e.sealer.Chained()
	return seal.Segment
}

func (e segmentsEnv) ids(t *testing.T) (ids []int64) {
	t.Helper()
	rows, err := e.Inbox(t.Context(), 0)
	require.NoError(t, err)
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids
}

func TestInbox(t *testing.T) {
	eachSegments(t, func(t *testing.T, e segmentsEnv) {
		t.Run("has batches in the order of their ids", func(t *testing.T) {
			e.insert(t.Context(), t, 3)
			ids := e.ids(t)
			require.Len(t, ids, 3)
			require.IsIncreasing(t, ids)
			rest, err := e.Inbox(t.Context(), ids[0])
			require.NoError(t, err)
			require.Len(t, rest, 2)
			backlog, err := e.Backlog(t.Context(), ids[0])
			require.NoError(t, err)
			require.EqualValues(t, 2, backlog.Batches)
			require.EqualValues(t, 2, backlog.Entries)
			require.EqualValues(t, len(rest[0].Bytes)+len(rest[1].Bytes), backlog.Bytes)
		})
		t.Run("has no batch of a transaction that was rolled back", func(t *testing.T) {
			errRollback := errors.New("rollback")
			committed := 0
			require.ErrorIs(t, e.db.Do(t.Context(), func(ctx context.Context) error {
				require.True(t, e.InTransaction(ctx))
				e.insert(ctx, t, 1)
				e.AfterCommit(ctx, func() { committed++ })
				return errRollback
			}), errRollback)
			require.Zero(t, committed)
			require.NoError(t, e.db.Do(t.Context(), func(ctx context.Context) error {
				e.AfterCommit(ctx, func() { committed++ })
				return nil
			}))
			require.Equal(t, 1, committed)
			require.Len(t, e.ids(t), 3)
		})
		t.Run("never uses an id again", func(t *testing.T) {
			before := e.ids(t)
			e.seal(t)
			require.Empty(t, e.ids(t))
			e.insert(t.Context(), t, 1)
			require.Greater(t, e.ids(t)[0], before[2])
		})
		t.Run("returns at most one segment's batches", func(t *testing.T) {
			large := make([]byte, 400<<10)
			for range 4 {
				require.NoError(t, e.Insert(t.Context(), 1, large))
			}
			rows, err := e.Inbox(t.Context(), 0)
			require.NoError(t, err)
			require.Len(t, rows, 3)
		})
	})
}

func TestSealingStoresASegmentOnce(t *testing.T) {
	eachSegments(t, func(t *testing.T, e segmentsEnv) {
		e.insert(t.Context(), t, 3)
		first := e.seal(t)
		e.insert(t.Context(), t, 2)
		after, seal := e.next(t)
		var all sync.WaitGroup
		results := make(chan bool, 8)
		for range 8 {
			all.Go(func() {
				stored, err := e.Seal(t.Context(), after, seal)
				results <- stored && err == nil
			})
		}
		all.Wait()
		won := 0
		for range 8 {
			if <-results {
				won++
			}
		}
		require.Equal(t, 1, won, "instances compete for a segment")
		e.sealer.Chained()
		segments, err := e.Range(t.Context(), 0, 10, 10)
		require.NoError(t, err)
		require.Equal(t, []domain.Segment{first, seal.Segment}, segments)
		selected, err := e.Select(t.Context(), []int64{2, 7})
		require.NoError(t, err)
		require.Equal(t, segments[1:], selected)
		headers, err := e.Headers(t.Context(), 0, 1, 10)
		require.NoError(t, err)
		require.Equal(t, []domain.Header{first.Header}, headers)
		chain, err := e.Chain(t.Context())
		require.NoError(t, err)
		require.Equal(t, domain.SegmentSpan{From: domain.Origin(), To: seal.End()}, chain.Span)

		t.Run("fails without a change if a batch is not in the inbox", func(t *testing.T) {
			e.insert(t.Context(), t, 2)
			after, seal := e.next(t)
			seal.Rows = append(seal.Rows, 1_000_000)
			stored, err := e.Seal(t.Context(), after, seal)
			require.NoError(t, err)
			require.False(t, stored)
			require.Len(t, e.ids(t), 2)
		})
	})
}

func TestSegmentsByTime(t *testing.T) {
	eachSegments(t, func(t *testing.T, e segmentsEnv) {
		position := domain.Origin()
		for hour := range 4 {
			at := now.Add(time.Duration(hour) * time.Hour)
			batch := e.writer.Next(at, []domain.Entry{fullEntry()})
			require.NoError(t, e.Insert(t.Context(), 1, batch.Seal(keys)))
			rows, err := e.Inbox(t.Context(), 0)
			require.NoError(t, err)
			seal, err := e.sealer.Next(position, rows, at.Add(time.Minute), true)
			require.NoError(t, err)
			stored, err := e.Seal(t.Context(), position, seal)
			require.NoError(t, err)
			require.True(t, stored)
			position = seal.End()
		}
		at := func(hours int) time.Time { return now.Add(time.Duration(hours) * time.Hour) }
		for _, one := range []struct {
			after, before time.Time
			first, last   int64
		}{
			{at(0), time.Time{}, 2, 4}, {at(-1), time.Time{}, 1, 4}, {at(3), time.Time{}, 1, 0},
			{time.Time{}, at(3), 1, 3}, {time.Time{}, at(0), 1, 0}, {at(0), at(3), 2, 3}, {at(5), at(9), 1, 0},
		} {
			first, last, err := e.Between(t.Context(), one.after, one.before)
			require.NoError(t, err)
			require.Equal(t, []int64{one.first, one.last}, []int64{first, last}, "%v", one)
		}
		for _, one := range []struct {
			instant, now time.Time
			want         int64
		}{
			{at(0), at(9), 0}, {at(1), at(9), 1}, {at(9), at(9), 4},
			{at(1), at(2), 1}, {at(1), at(1), 1}, // the segments after it have times after now
		} {
			number, err := e.LastSealedBefore(t.Context(), one.instant, one.now)
			require.NoError(t, err)
			require.Equal(t, one.want, number, "%v", one)
		}
	})
}

// TestR43_SegmentsOnlyGrow runs SQL over the connection of the service.
func TestR43_SegmentsOnlyGrow(t *testing.T) {
	eachSegments(t, func(t *testing.T, e segmentsEnv) {
		for range 2 {
			e.insert(t.Context(), t, 2)
			e.seal(t)
		}
		e.insert(t.Context(), t, 2)
		require.NoError(t, e.InsertIndex(t.Context(), []domain.IndexRow{{Block: 2, Segments: []byte{0, 1}}}))
		statements := []string{
			"UPDATE audit_inbox SET entries = 2",
			"DELETE FROM audit_inbox",
			"DELETE FROM audit_inbox WHERE id = (SELECT max(id) FROM audit_inbox)",
			"UPDATE audit_segments SET entries = 2",
			"DELETE FROM audit_segments WHERE number = 1",
			"UPDATE audit_index SET block = 3",
			"INSERT INTO audit_index SELECT term, 3, segments FROM audit_index",
			"DELETE FROM audit_index",
			"UPDATE audit_chain SET claimed = '1,2,3,4,5,6'",
			"UPDATE audit_chain SET sealed_to = 1000",
			"UPDATE audit_chain SET number = 1",
			"UPDATE audit_chain SET number = NULL",
			"UPDATE audit_chain SET number = 3",
			"UPDATE audit_chain SET sequence = 3",
			"UPDATE audit_chain SET mac = (SELECT mac FROM audit_segments WHERE number = 1)",
			"UPDATE audit_chain SET anchor_number = -1",
			"UPDATE audit_chain SET anchor_number = 3",
			"UPDATE audit_chain SET anchor_sequence = 7777",
			"UPDATE audit_chain SET anchor_mac = mac",
			"UPDATE audit_chain SET anchor_number = number, anchor_sequence = sequence - 1, anchor_mac = mac",
			"UPDATE audit_chain SET id = 2",
			"DELETE FROM audit_chain",
			"INSERT INTO audit_chain SELECT * FROM audit_chain",
			"INSERT INTO audit_chain SELECT 2, number, sequence, mac, sealed_to, claimed, anchor_number, " +
				"anchor_sequence, anchor_mac, closed FROM audit_chain",
		}
		if e.db.Engine() == database.SQLite {
			statements = append(statements, "REPLACE INTO audit_chain SELECT * FROM audit_chain",
				"REPLACE INTO audit_inbox SELECT * FROM audit_inbox",
				"INSERT INTO audit_inbox (id, entries, batch) VALUES (9223372036854775807, 1, x'00')")
		} else {
			statements = append(statements, "TRUNCATE audit_inbox", "TRUNCATE audit_segments CASCADE",
				"TRUNCATE audit_index", "TRUNCATE audit_chain")
		}
		for _, statement := range statements {
			t.Run("rejects "+statement, func(t *testing.T) {
				require.Error(t, e.db.Write(t.Context()).Exec(statement).Error)
			})
		}
		if e.db.Engine() == database.SQLite {
			for _, statement := range []string{
				"REPLACE INTO audit_segments SELECT number, first, 99, first_at, last_at, sealed_at, key_id, mac, " +
					"raw_size, packed FROM audit_segments",
				"REPLACE INTO audit_index SELECT term, block, x'02' FROM audit_index",
			} {
				require.NoError(t, e.db.Write(t.Context()).Exec(statement).Error)
			}
			segments, err := e.Range(t.Context(), 0, 2, 2)
			require.NoError(t, err)
			require.Equal(t, 2, segments[0].Entries)
			rows, err := e.IndexRows(t.Context(), 2, []domain.Term{{}})
			require.NoError(t, err)
			require.Equal(t, []byte{0, 1}, rows[0].Segments)
		}
		e.seal(t)
		t.Run("accepts a deletion up to the anchor", func(t *testing.T) {
			segments, err := e.Range(t.Context(), 0, 1, 1)
			require.NoError(t, err)
			require.NoError(t, e.SetSegmentAnchor(t.Context(), segments[0].End()))
			require.NoError(t, e.DeleteSegments(t.Context(), 1))
			require.Error(t, e.DeleteSegments(t.Context(), 2))
			require.Error(t, e.DeleteIndexRows(t.Context(), 2, []domain.Term{{}}))
		})
	})
}

// TestR43_RolesOfSegments sets up the roles of cmd/healthcare/AUDIT.md.
func TestR43_RolesOfSegments(t *testing.T) {
	eachSegments(t, func(t *testing.T, e segmentsEnv) {
		if e.db.Engine() != database.Postgres {
			t.Skip("SQLite has no roles")
		}
		application := newRole(t, e.db)
		for _, grant := range []string{
			"GRANT INSERT (entries, batch), SELECT, DELETE ON audit_inbox TO " + application,
			"GRANT INSERT, SELECT ON audit_segments, audit_index TO " + application,
			"GRANT SELECT ON audit_chain TO " + application,
			"GRANT UPDATE (number, sequence, mac, sealed_to, claimed, closed) ON audit_chain TO " + application,
			// of earlier releases, which an upgrade does not take away
			"GRANT INSERT, SELECT ON audit_entries TO " + application,
		} {
			require.NoError(t, e.db.Write(t.Context()).Exec(grant).Error)
		}
		as := func(do func(ctx context.Context) error) error {
			return e.db.Do(t.Context(), func(ctx context.Context) error {
				require.NoError(t, e.db.Write(ctx).Exec("SET LOCAL ROLE "+application).Error)
				return do(ctx)
			})
		}
		e.insert(t.Context(), t, 2)
		after, seal := e.next(t)
		require.NoError(t, as(func(ctx context.Context) error {
			e.insert(ctx, t, 1)
			stored, err := e.Seal(ctx, after, seal)
			require.True(t, stored)
			return errors.Join(err, e.InsertIndex(ctx, []domain.IndexRow{{Block: 1, Segments: []byte{0}}}))
		}))
		for _, statement := range []string{
			"UPDATE audit_inbox SET entries = 1", "UPDATE audit_segments SET entries = 1", "DELETE FROM audit_segments",
			"DELETE FROM audit_index", "DELETE FROM audit_chain", "TRUNCATE audit_inbox",
			"INSERT INTO audit_inbox (id, entries, batch) VALUES (9223372036854775807, 1, 'x')",
			"ALTER TABLE audit_inbox DISABLE TRIGGER USER", "SET LOCAL session_replication_role = replica",
			"UPDATE audit_chain SET anchor_number = number, anchor_sequence = sequence, anchor_mac = mac",
		} {
			t.Run("the application is denied "+statement, func(t *testing.T) {
				requireDenied(t, as(func(ctx context.Context) error { return e.db.Write(ctx).Exec(statement).Error }))
			})
		}
		t.Run("the application cannot delete a batch that is not sealed", func(t *testing.T) {
			require.ErrorContains(t, as(func(ctx context.Context) error {
				return e.db.Write(ctx).Exec("DELETE FROM audit_inbox").Error
			}), "23000")
		})
		t.Run("the functions do not use tables of the application", func(t *testing.T) {
			require.ErrorContains(t, as(func(ctx context.Context) error {
				return run(e.db.Write(ctx), "CREATE TEMP TABLE audit_chain (claimed text)",
					"INSERT INTO audit_chain SELECT string_agg(id::text, ',') FROM audit_inbox",
					"DELETE FROM audit_inbox")
			}), "23000")
			require.NoError(t, as(func(ctx context.Context) error {
				return run(e.db.Write(ctx),
					"CREATE FUNCTION pg_temp.owned() RETURNS boolean LANGUAGE plpgsql AS "+
						"$$BEGIN RAISE EXCEPTION 'called as %', current_user; END$$",
					"CREATE TEMP VIEW audit_chain AS SELECT pg_temp.owned() AS closed",
					"GRANT SELECT ON pg_temp.audit_chain TO PUBLIC",
					"INSERT INTO audit_entries SELECT * FROM audit_entries WHERE false",
					"DROP VIEW pg_temp.audit_chain")
			}))
		})
		t.Run("all functions have a fixed search path that ends with pg_temp", func(t *testing.T) {
			var others []string
			require.NoError(t, e.db.Read(t.Context()).Raw(`SELECT proname FROM pg_proc
				WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'audit\_%'
				AND NOT coalesce(array_to_string(proconfig, ' ') LIKE '%, pg_temp', false)`).Scan(&others).Error)
			require.Empty(t, others)
		})
	})
}

// run runs statements one after the other, until one fails.
func run(q *gorm.DB, statements ...string) error {
	for _, statement := range statements {
		if err := q.Exec(statement).Error; err != nil {
			return err
		}
	}
	return nil
}
