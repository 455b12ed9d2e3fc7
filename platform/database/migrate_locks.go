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
	// lockTimeout bounds each wait of a migration for a lock. Requests for the same table queue behind the migration
	// and give up after a second.
	lockTimeout = 200 * time.Millisecond
	// lockPause is the pause before the next attempt, in which the queued requests proceed.
	lockPause = time.Second
	// maxLockWait bounds the attempts of a migration to acquire its locks.
	maxLockWait = 10 * time.Minute
)

// up applies the pending migrations of a module, and retries while a table that a migration must change is in use.
// Errors: those of goose; the lock timeout of the last attempt.
func (db *DB) up(ctx context.Context, p *goose.Provider) (applied []*goose.MigrationResult, err error) {
	for end := time.Now().Add(maxLockWait); ; {
		results, err := p.Up(ctx)
		partial, failed := errors.AsType[*goose.PartialError](err)
		if !failed {
			return append(applied, results...), err
		}
		applied = append(applied, partial.Applied...)
		partial.Applied = applied
		if !isLockTimeout(err) || time.Now().After(end) {
			return nil, partial
		}
		db.log.Warn("a migration waits for a table that is in use", zap.String("name", partial.Failed.Source.Path),
			logging.Milliseconds("next_try_in_ms", lockPause))
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, partial
		}
	}
}

// lockTimeoutFS adds lockTimeout to migration files. It does not change files that run without a transaction, such as
// CREATE INDEX CONCURRENTLY. These wait for open transactions with locks that block no request, and a failure would
// leave an invalid index.
type lockTimeoutFS struct{ fs.FS }

// Open implements fs.FS.
func (f lockTimeoutFS) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	const up, noTransaction = "-- +goose Up\n", "+goose NO TRANSACTION"
	if !bytes.Contains(content, []byte(noTransaction)) {
		bounded := fmt.Sprintf(up+"SET LOCAL lock_timeout = %d;\n", lockTimeout.Milliseconds())
		content = bytes.Replace(content, []byte(up), []byte(bounded), 1)
	}
	return rewrittenFile{file, bytes.NewReader(content)}, nil
}

// rewrittenFile is a file with other content.
type rewrittenFile struct {
	fs.File
	content io.Reader
}

// Read implements fs.File.
func (f rewrittenFile) Read(p []byte) (int, error) { return f.content.Read(p) }

func isLockTimeout(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "55P03"
}
