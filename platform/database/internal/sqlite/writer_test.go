package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"healthcare/platform/database/internal/fault"
)

var errBroken = errors.New("broken")

// writerTest is a writer whose groups have no time limit, and a reader of the same file.
type writerTest struct {
	*testing.T
	w              *Writer
	writer, reader *gorm.DB
}

func newWriterTest(t *testing.T) writerTest {
	t.Helper()
	w, r := Addresses(filepath.Join(t.TempDir(), "test.db"), time.Second)
	conns, readers := OpenCached(w), OpenCached(r)
	t.Cleanup(func() {
		if err := errors.Join(conns.Close(), readers.Close()); err != nil {
			t.Error(err)
		}
	})
	queue := NewWriter(conns, 0)
	queue.groupTime = time.Hour
	config := gorm.Config{SkipDefaultTransaction: true, TranslateError: true, Logger: logger.Discard}
	writer, err := gorm.Open(NewDialector(queue), &config)
	require.NoError(t, err)
	reader, err := gorm.Open(NewDialector(readers), &gorm.Config{})
	require.NoError(t, err)
	require.NoError(t, writer.Exec(`CREATE TABLE things (id integer PRIMARY KEY,
		of integer REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED)`).Error)
	return writerTest{t, queue, writer, reader}
}

// things returns the ids that q reads.
func (t writerTest) things(q *gorm.DB) []int {
	t.Helper()
	ids := []int{}
	require.NoError(t, q.Raw(`SELECT id FROM things ORDER BY id`).Scan(&ids).Error)
	return ids
}

func add(tx *gorm.DB, id int) error { return tx.Exec(`INSERT INTO things (id) VALUES (?)`, id).Error }

// together runs functions that start to wait for the writer one after the other.
func (t writerTest) together(all ...func() error) []error {
	t.Helper()
	require.NoError(t, t.w.Enter(t.Context()))
	var running sync.WaitGroup
	failed := make([]error, len(all))
	for i, do := range all {
		running.Go(func() { failed[i] = do() })
		time.Sleep(20 * time.Millisecond) // until it waits
	}
	t.w.Leave()
	running.Wait()
	return failed
}

// transaction returns a function that runs steps in a transaction.
func (t writerTest) transaction(steps func(tx *gorm.DB) error) func() error {
	return func() error { return t.writer.WithContext(t.Context()).Transaction(steps) }
}

func (t writerTest) adding(id int) func() error {
	return t.transaction(func(tx *gorm.DB) error { return add(tx, id) })
}

func TestMembersOfAGroup(t *testing.T) {
	t.Parallel()
	t.Run("commit together, a single statement too", func(t *testing.T) {
		c := newWriterTest(t)
		single := func() error { return add(c.writer, 2) }
		failed := c.together(c.adding(1), single, c.transaction(func(tx *gorm.DB) error {
			require.Equal(t, []int{1, 2}, c.things(tx))
			require.Empty(t, c.things(c.reader))
			return nil
		}))
		require.NoError(t, errors.Join(failed...))
		require.Equal(t, []int{1, 2}, c.things(c.reader))
	})
	t.Run("are rolled back alone", func(t *testing.T) {
		c := newWriterTest(t)
		failed := c.together(c.adding(1), c.transaction(func(tx *gorm.DB) error {
			return errors.Join(add(tx, 2), errBroken)
		}), c.adding(3))
		require.NoError(t, errors.Join(failed[0], failed[2]))
		require.ErrorIs(t, failed[1], errBroken)
		require.Equal(t, []int{1, 3}, c.things(c.reader))
	})
	t.Run("commit if the last one fails, or the first", func(t *testing.T) {
		c := newWriterTest(t)
		fail := c.transaction(func(*gorm.DB) error { return errBroken })
		require.Equal(t, []error{errBroken, nil, errBroken}, c.together(fail, c.adding(1), fail))
		require.Equal(t, []int{1}, c.things(c.reader))
	})
	t.Run("are rolled back alone by a panic", func(t *testing.T) {
		c := newWriterTest(t)
		failed := c.together(c.adding(1), func() (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return c.transaction(func(tx *gorm.DB) error {
				panic(fmt.Sprint("at the disco ", add(tx, 2)))
			})()
		}, c.adding(3))
		require.NoError(t, errors.Join(failed[0], failed[2]))
		require.ErrorContains(t, failed[1], "at the disco")
		require.Equal(t, []int{1, 3}, c.things(c.reader))
	})
	t.Run("all fail if the outer commit does", func(t *testing.T) {
		c := newWriterTest(t)
		for _, err := range c.together(c.adding(1), c.transaction(func(tx *gorm.DB) error {
			return tx.Exec(`INSERT INTO things (id, of) VALUES (2, 99)`).Error // fails at the commit
		}), c.adding(3)) {
			require.ErrorContains(t, err, "FOREIGN KEY")
		}
		require.Empty(t, c.things(c.reader))
		require.NoError(t, add(c.writer, 4))
		require.Equal(t, []int{4}, c.things(c.reader))
	})
	t.Run("leave while they wait if their context ends", func(t *testing.T) {
		c := newWriterTest(t)
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, c.w.Enter(ctx))
		left := make(chan error)
		go func() { left <- add(c.writer.WithContext(ctx), 1) }()
		time.AfterFunc(20*time.Millisecond, cancel)
		require.Error(t, <-left)
		c.w.Leave()
		require.NoError(t, errors.Join(c.together(c.adding(2), c.adding(3))...))
		require.Equal(t, []int{2, 3}, c.things(c.reader))
	})
	t.Run("can be repeated if an interrupted statement rolls back the group", func(t *testing.T) {
		c := newWriterTest(t)
		failed := c.together(c.adding(1), func() error { return add(c.writer, 2) }, func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			return c.writer.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
				return tx.Exec(`WITH RECURSIVE forever (n) AS (SELECT 5 UNION ALL SELECT n + 1 FROM forever
					WHERE n < 2000000000) INSERT INTO things (id) SELECT max(n) FROM forever`).Error
			})
		}, c.adding(4))
		require.True(t, fault.IsTransient(failed[0]), "%v", failed[0])
		require.NoError(t, failed[1], "a single statement is repeated")
		require.Error(t, failed[2])
		require.NoError(t, failed[3])
		require.Equal(t, []int{2, 4}, c.things(c.reader))
	})
	t.Run("are at most 64", func(t *testing.T) {
		c := newWriterTest(t)
		var all []func() error
		committed := make([]int, 70)
		for i := range committed {
			all = append(all, c.transaction(func(tx *gorm.DB) error {
				committed[i] = len(c.things(c.reader))
				return add(tx, i)
			}))
		}
		require.NoError(t, errors.Join(c.together(all...)...))
		require.Zero(t, committed[maxMembers-1])
		require.Equal(t, maxMembers, committed[maxMembers])
	})
	t.Run("wait for no others after the time limit", func(t *testing.T) {
		c := newWriterTest(t)
		c.w.groupTime = 0
		failed := c.together(c.adding(1), c.transaction(func(*gorm.DB) error {
			require.Equal(t, []int{1}, c.things(c.reader))
			return nil
		}))
		require.NoError(t, errors.Join(failed...))
	})
}

func TestLoneWriterWaitsForNobody(t *testing.T) {
	t.Parallel()
	c := newWriterTest(t)
	done := make(chan error)
	go func() { done <- c.adding(1)() }()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
	require.Equal(t, []int{1}, c.things(c.reader))
}

// TestQueriesOnTheWriter verifies that a statement outside of transactions is not part of the open group.
func TestQueriesOnTheWriter(t *testing.T) {
	t.Parallel()
	c := newWriterTest(t)
	failed := c.together(c.adding(1), func() error {
		rows, err := c.writer.Raw(`SELECT id FROM things`).Rows()
		require.NoError(t, err)
		defer rows.Close()
		require.Equal(t, []int{1}, c.things(c.reader))
		return rows.Err()
	}, c.adding(2))
	require.NoError(t, errors.Join(failed...))
	require.Equal(t, []int{1, 2}, c.things(c.reader))
}
