// Package transfer takes a whole store elsewhere: an embedded database to PostgreSQL, and to a copy of itself. It knows no module: which tables and columns
// there are it reads from the two schemas.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"healthcare/platform/clock"
	"healthcare/platform/database"
)

// CopyConfig says what is copied where.
type CopyConfig struct {
	From       string          // a SQLite file
	To         database.Config // PostgreSQL
	Migrations database.Migrations
	Clock      clock.Clock
	Snapshot   bool                               // copy one moment although the source is written to meanwhile
	Progress   func(what string, done, all int64) // in rows
}

// CopyResult is what stands in the target now.
type CopyResult struct {
	At     time.Time // the moment that the copy is of
	Tables []Table   // in the order in which they were copied
	Behind bool      // the source was written to after that moment: only with Snapshot
	Where  string    // the target, without a password
}

// Table is one that was copied, with the checksum that both sides have.
type Table struct {
	Name     string
	Rows     int64
	Checksum string

	columns []column
	seeded  int64 // rows that migrations put there
}

var errWritten = errors.New("a server is writing to the source: stop it and copy again; --snapshot copies one moment beside it, without what comes after")

// Copy moves all rows of a SQLite database, as they are at one moment, into an empty PostgreSQL database that it migrates first. All rows arrive in one
// transaction, which commits when every table, read back, has the source's count and checksum, and no longer than that do rows stay in memory: whatever
// goes wrong leaves the target empty. Without Snapshot no write of the source that was acknowledged before the commit is missing: one that came after the
// moment fails the copy.
// Errors: the target holds rows; the source is not of these migrations, or is being written to; a value or a checksum is wrong; either store's. No error
// has a stored value or a password in it.
func Copy(ctx context.Context, m CopyConfig) (CopyResult, error) {
	done, err := m.copy(ctx)
	if err != nil && ctx.Err() != nil {
		err = errors.New("stopped before it was done")
	}
	if err != nil && !errors.Is(err, errUnknown) {
		err = fmt.Errorf("nothing was copied: %w", err)
	}
	return done, err
}

func (m CopyConfig) copy(ctx context.Context) (done CopyResult, err error) {
	db, err := database.Open(m.To, zap.NewNop())
	if err != nil {
		return done, err
	}
	defer func() { _ = db.Close() }()
	done.Where = db.Where()
	seeds, err := database.Pristine(ctx, m.Migrations)
	if err != nil {
		return done, err
	}
	defer func() { _ = seeds.Close() }()
	from, err := openSource(ctx, m.From, m.Clock)
	if err != nil {
		return done, err
	}
	defer func() { _ = from.close() }()
	done.At = from.at
	pristine, release, err := readerOf(ctx, seeds)
	if err != nil {
		return done, err
	}
	defer release()
	if err := from.isOf(ctx, pristine); err != nil {
		return done, fmt.Errorf("SQLite (%s): %w", m.From, err)
	}
	if done.Tables, err = tablesOf(ctx, from.reader, pristine); err != nil {
		return done, err
	}
	if err := db.Connect(ctx); err != nil {
		return done, fmt.Errorf("%s: %w", db.Where(), err)
	}
	if err := onTarget(ctx, db, func(to *target) error { return to.mustBeEmpty(ctx, done.Tables) }); err != nil {
		return done, fmt.Errorf("%s: %w", db.Where(), err)
	}
	if _, err := db.Migrate(ctx, m.Migrations); err != nil {
		return done, fmt.Errorf("%s: %w", db.Where(), err)
	}
	return done, onTarget(ctx, db, func(to *target) error { return m.move(ctx, from, to, pristine, &done) })
}

// readerOf is a connection of the store in memory.
func readerOf(ctx context.Context, db *database.DB) (reader, func(), error) {
	pool, err := db.Read(ctx).DB()
	if err != nil {
		return reader{}, nil, err
	}
	conn, err := pool.Conn(ctx)
	return reader{conn}, func() { _ = conn.Close() }, err
}

func tablesOf(ctx context.Context, from, pristine reader) (tables []Table, err error) {
	names, err := from.tables(ctx)
	for _, name := range names {
		seeded, err := pristine.count(ctx, name)
		if err != nil {
			return nil, err
		}
		tables = append(tables, Table{Name: name, seeded: seeded})
	}
	return tables, err
}

// mustBeEmpty is asked before anything is written, and again when nobody else can write. Errors: which tables hold more than migrations put there.
func (t *target) mustBeEmpty(ctx context.Context, tables []Table) error {
	var full []string
	for _, table := range tables {
		there, err := t.there(ctx, table.Name)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		rows, err := t.count(ctx, table.Name)
		if err != nil {
			return err
		}
		if rows > table.seeded {
			full = append(full, fmt.Sprintf("%s (rows: %d)", table.Name, rows))
		}
	}
	if len(full) > 0 {
		return errors.New("it is not empty, and is left as it is: " + strings.Join(full, ", "))
	}
	return nil
}
