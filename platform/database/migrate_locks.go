package database

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"go.uber.org/zap"

	"healthcare/platform/logging"
)

const (
	// migrationLockWait is how long a migration waits for a lock at a time. Requests for the same table wait behind it, and give up after a second.
	migrationLockWait = 200 * time.Millisecond
	// lockPause is how long requests are let through before the next try.
	lockPause = time.Second
	// maxLockWait is how long a migration tries to get its locks in all.
	maxLockWait = 10 * time.Minute
)

// up applies what is pending of a module, and tries again while somebody holds a table that a migration must change. Errors: those of goose, and the
// lock timeout of the last try.
func (db *DB) up(ctx context.Context, p *goose.Provider) (applied []*goose.MigrationResult, err error) {
	for end := time.Now().Add(maxLockWait); ; {
		results, err := p.Up(ctx)
		partial, failed := errors.AsType[*goose.PartialError](err)
		if !failed {
			return append(applied, results...), err
		}
		if !lockedOut(err) || time.Now().After(end) {
			partial.Applied = append(applied, partial.Applied...)
			return nil, partial
		}
		applied = append(applied, partial.Applied...)
		db.log.Warn("a migration waits for a table that is in use", zap.String("name", partial.Failed.Source.Path),
			logging.Milliseconds("next_try_in_ms", lockPause))
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			partial.Applied = applied
			return nil, partial
		}
	}
}

// boundedLocks are migration files that run under migrationLockWait. Those that run outside a transaction, such as CREATE INDEX CONCURRENTLY, are left as
// they are: they wait for transactions that are open, with locks that no request waits behind, and a failure leaves an index that is not valid.
type boundedLocks struct{ fs.FS }

// Open implements fs.FS.
func (f boundedLocks) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	const up, alone = "-- +goose Up\n", "+goose NO TRANSACTION"
	if !bytes.Contains(text, []byte(alone)) {
		bound := fmt.Sprintf(up+"SET LOCAL lock_timeout = %d;\n", migrationLockWait.Milliseconds())
		text = bytes.Replace(text, []byte(up), []byte(bound), 1)
	}
	return rewritten{file, bytes.NewReader(text)}, nil
}

// rewritten is a file with another text.
type rewritten struct {
	fs.File
	text io.Reader
}

// Read implements fs.File.
func (r rewritten) Read(p []byte) (int, error) { return r.text.Read(p) }

func lockedOut(err error) bool {
	pg, is := errors.AsType[*pgconn.PgError](err)
	return is && pg.Code == "55P03"
}
