package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"healthcare/platform/database"
	"healthcare/platform/database/internal/fault"
)

// BackupResult is a backup that was made.
type BackupResult struct {
	Path   string
	Bytes  int64
	Tables int
	Rows   int64
}

// Backup writes a copy of a SQLite database, as it is at one moment, to a file that is not there yet, with mode 0600. Who writes to the database goes on
// meanwhile. The file gets its name when it is on the disk and SQLite has found it sound (PRAGMA integrity_check).
// show is told how many MiB of how many are written, ten times a second. Errors: there is such a file already, or no such database; the copy is not
// sound; the disk's. Then no file is left.
func Backup(ctx context.Context, from, to string, show func(what string, done, all int64)) (saved BackupResult, err error) {
	if _, err := os.Lstat(to); err == nil {
		return saved, fmt.Errorf("%s is there already, and is left as it is", to)
	}
	if to, err = filepath.Abs(to); err != nil {
		return saved, err
	}
	pool, err := openFile(from, url.Values{"mode": {"rw"}})
	if err != nil {
		return saved, err
	}
	defer func() { _ = pool.Close() }()
	folder := filepath.Dir(to)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return saved, err
	}
	unfinished, err := os.CreateTemp(folder, "."+filepath.Base(to)+"-*") // mode 0600, which SQLite leaves
	if err != nil {
		return saved, err
	}
	defer func() {
		_ = unfinished.Close()
		_ = os.Remove(unfinished.Name())
		_ = os.Remove(unfinished.Name() + "-journal")
		if err != nil && ctx.Err() != nil {
			err = errors.New("stopped before it was done: there is no backup")
		}
	}()
	seen := watch(from, unfinished, show)
	_, err = pool.ExecContext(ctx, "VACUUM INTO ?", unfinished.Name())
	seen()
	if err != nil {
		return saved, fmt.Errorf("SQLite (%s): %w", from, fault.Explain(err))
	}
	saved = BackupResult{Path: to}
	if err := saved.inspect(ctx, unfinished.Name()); err != nil {
		return saved, fmt.Errorf("the copy of %s is not sound: %w", from, err)
	}
	if saved.Tables == 0 {
		return saved, database.Empty(from)
	}
	info, err := unfinished.Stat()
	if err != nil {
		return saved, err
	}
	saved.Bytes = info.Size()
	if err := unfinished.Sync(); err != nil { // SQLite leaves that to us
		return saved, err
	}
	if err := os.Link(unfinished.Name(), to); err != nil { // unlike a rename it replaces nothing
		return saved, err
	}
	return saved, syncFolder(folder)
}

// watch shows how the copy grows until it is told to stop: SQLite makes it in one statement, which says nothing. A copy without the free pages of its
// source ends before it is as large.
func watch(from string, to *os.File, show func(what string, done, all int64)) (stop func()) {
	tick, over := time.NewTicker(100*time.Millisecond), make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			source, unknown := os.Stat(from)
			target, gone := to.Stat()
			if errors.Join(unknown, gone) == nil {
				show("MiB", target.Size()>>20, source.Size()>>20)
			}
		}
	})
	return func() {
		tick.Stop()
		close(over)
		watching.Wait()
	}
}

// inspect has SQLite look at every page of the copy, and counts what is in it.
func (s *BackupResult) inspect(ctx context.Context, path string) error {
	pool, err := openFile(path, url.Values{"mode": {"ro"}, "immutable": {"1"}})
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return fault.Explain(err)
	}
	defer func() { _ = conn.Close() }()
	r := reader{conn}
	said, err := r.texts(ctx, "PRAGMA integrity_check(1)")
	if err != nil {
		return err
	}
	if text := strings.Join(said, ""); text != "ok" {
		return errors.New(text)
	}
	return s.countRows(ctx, r)
}

func (s *BackupResult) countRows(ctx context.Context, r reader) error {
	tables, err := r.tables(ctx)
	for _, table := range tables {
		rows, err := r.count(ctx, table)
		if err != nil {
			return err
		}
		s.Rows += rows
	}
	s.Tables = len(tables)
	return err
}

// syncFolder makes the name last, too.
func syncFolder(path string) error {
	folder, err := os.Open(path) // #nosec G304 -- where the backup was just written
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
