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

// BackupResult describes a finished backup.
type BackupResult struct {
	Path   string
	Bytes  int64
	Tables int
	Rows   int64
}

// Backup writes a copy of the SQLite database from to the new file to, with mode 0600. The copy represents one moment,
// and other connections continue to write meanwhile. The file gets its name after it was synced to the disk and passed
// PRAGMA integrity_check. Ten times a second, progress receives the MiB written and the MiB of the source.
//
// Errors: the file exists; its folder or the database is missing; the database has no tables; the copy fails
// verification; the disk's. After an error no file remains.
func Backup(
	ctx context.Context, from, to string, progress func(label string, done, all int64),
) (saved BackupResult, err error) {
	if _, err := os.Lstat(to); err == nil {
		return saved, fmt.Errorf("%s already exists and was not changed", to)
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
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) { // mistyped, or not mounted
		return saved, fmt.Errorf("the folder %s does not exist: create it, or choose another file", folder)
	}
	unfinished, err := os.CreateTemp(folder, "."+filepath.Base(to)+"-*") // SQLite keeps its mode 0600
	if err != nil {
		return saved, err
	}
	defer func() {
		_ = unfinished.Close()
		_ = os.Remove(unfinished.Name())
		_ = os.Remove(unfinished.Name() + "-journal")
		if err != nil && ctx.Err() != nil {
			err = errors.New("interrupted: no backup was written")
		}
	}()
	stopProgress := reportGrowth(from, unfinished, progress)
	_, err = pool.ExecContext(ctx, "VACUUM INTO ?", unfinished.Name())
	stopProgress()
	if err != nil {
		return saved, fmt.Errorf("SQLite (%s): %w", from, fault.Explain(err))
	}
	saved = BackupResult{Path: to}
	if err := saved.verify(ctx, unfinished.Name()); err != nil {
		return saved, fmt.Errorf("the copy of %s failed verification: %w", from, err)
	}
	if saved.Tables == 0 {
		return saved, database.NoTablesError(from)
	}
	info, err := unfinished.Stat()
	if err != nil {
		return saved, err
	}
	saved.Bytes = info.Size()
	if err := unfinished.Sync(); err != nil { // VACUUM INTO does not sync
		return saved, err
	}
	if err := os.Link(unfinished.Name(), to); err != nil { // unlike a rename, it replaces no file
		return saved, err
	}
	return saved, syncFolder(folder)
}

// reportGrowth reports the size of the copy until stop is called, because VACUUM INTO reports no progress. A copy has
// no free pages, so it can end smaller than its source.
func reportGrowth(from string, to *os.File, progress func(label string, done, all int64)) (stop func()) {
	ticker, stopped := time.NewTicker(100*time.Millisecond), make(chan struct{})
	var reporter sync.WaitGroup
	reporter.Go(func() {
		for {
			select {
			case <-stopped:
				return
			case <-ticker.C:
			}
			source, sourceErr := os.Stat(from)
			target, targetErr := to.Stat()
			if sourceErr == nil && targetErr == nil {
				progress("MiB", target.Size()>>20, source.Size()>>20)
			}
		}
	})
	return func() {
		ticker.Stop()
		close(stopped)
		reporter.Wait()
	}
}

// verify checks the integrity of the copy and counts its tables and rows.
func (b *BackupResult) verify(ctx context.Context, path string) error {
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
	report, err := r.texts(ctx, "PRAGMA integrity_check(1)")
	if err != nil {
		return err
	}
	if text := strings.Join(report, ""); text != "ok" {
		return errors.New(text)
	}
	return b.count(ctx, r)
}

func (b *BackupResult) count(ctx context.Context, r reader) error {
	tables, err := r.tables(ctx)
	for _, table := range tables {
		rows, err := r.count(ctx, table)
		if err != nil {
			return err
		}
		b.Rows += rows
	}
	b.Tables = len(tables)
	return err
}

// syncFolder makes the name of the new file durable.
func syncFolder(path string) error {
	folder, err := os.Open(path) // #nosec G304 -- the folder of the backup
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
