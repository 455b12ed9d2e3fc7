// Package transfer copies a whole store: the embedded database to PostgreSQL, or to a backup file. It reads the tables
// and columns from the schemas and knows no module.
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

// CopyConfig holds the parameters of Copy.
type CopyConfig struct {
	From       string          // a SQLite file
	To         database.Config // PostgreSQL
	Migrations database.Migrations
	Clock      clock.Clock
	Snapshot   bool                                // copy one moment although the source is written to meanwhile
	Progress   func(label string, done, all int64) // in rows
}

// CopyResult describes a finished copy.
type CopyResult struct {
	At     time.Time // the moment that the copy represents
	Tables []Table   // in the order in which they were copied
	Behind bool      // the source was written to after that moment; only with Snapshot
	Where  string    // the target, without a password
}

// Table is a copied table, with the checksum that both sides have.
type Table struct {
	Name     string
	Rows     int64
	Checksum string

	columns []column
	seeded  int64 // the number of rows that migrations insert
}

var errSourceChanged = errors.New("a server is writing to the source: stop it and copy again " +
	"(--snapshot copies one moment while it runs, without later writes)")

// Copy copies all rows of a SQLite database, as of one moment, into an empty PostgreSQL database that it migrates
// first. One transaction contains all rows. It commits after every table was read back and has the source's row count
// and checksum, so the target stays empty after an error. Rows are streamed, not held in memory.
//
// Without Snapshot, the copy includes all writes that the source acknowledged before the commit: a write after the
// moment of the copy makes it fail.
//
// Errors: the target has rows; the source has other migrations or is written to; a value cannot be converted; a
// checksum differs; either store's. No error contains a stored value or a password.
func Copy(ctx context.Context, cfg CopyConfig) (CopyResult, error) {
	result, err := cfg.copy(ctx)
	if err != nil && ctx.Err() != nil {
		err = errors.New("the copy was interrupted")
	}
	if err != nil && !errors.Is(err, errCommitUnknown) {
		err = fmt.Errorf("nothing was copied: %w", err)
	}
	return result, err
}

func (cfg CopyConfig) copy(ctx context.Context) (result CopyResult, err error) {
	db, err := database.Open(cfg.To, zap.NewNop())
	if err != nil {
		return result, err
	}
	defer func() { _ = db.Close() }()
	result.Where = db.Location()
	seeds, err := database.OpenInMemory(ctx, cfg.Migrations)
	if err != nil {
		return result, err
	}
	defer func() { _ = seeds.Close() }()
	from, err := openSource(ctx, cfg.From, cfg.Clock)
	if err != nil {
		return result, err
	}
	defer func() { _ = from.close() }()
	result.At = from.at
	pristine, release, err := acquireReader(ctx, seeds)
	if err != nil {
		return result, err
	}
	defer release()
	if err := from.checkVersions(ctx, pristine); err != nil {
		return result, fmt.Errorf("SQLite (%s): %w", cfg.From, err)
	}
	if result.Tables, err = listTables(ctx, from.reader, pristine); err != nil {
		return result, err
	}
	if err := db.Connect(ctx); err != nil {
		return result, err
	}
	checkEmpty := func(to *target) error { return to.checkEmpty(ctx, result.Tables) }
	if err := withTarget(ctx, db, checkEmpty); err != nil {
		return result, fmt.Errorf("%s: %w", db.Location(), err)
	}
	if _, err := db.Migrate(ctx, cfg.Migrations); err != nil {
		return result, fmt.Errorf("%s: %w", db.Location(), err)
	}
	return result, withTarget(ctx, db, func(to *target) error {
		return cfg.copyTables(ctx, from, to, pristine, &result)
	})
}

// acquireReader returns a connection to the store in memory and the function that releases it.
func acquireReader(ctx context.Context, db *database.DB) (reader, func(), error) {
	pool, err := db.Read(ctx).DB()
	if err != nil {
		return reader{}, nil, err
	}
	conn, err := pool.Conn(ctx)
	return reader{conn}, func() { _ = conn.Close() }, err
}

func listTables(ctx context.Context, from, pristine reader) (tables []Table, err error) {
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

// checkEmpty returns an error that lists the tables with more rows than migrations insert. It runs before anything is
// written, and again when the tables are locked.
func (t *target) checkEmpty(ctx context.Context, tables []Table) error {
	var full []string
	for _, table := range tables {
		exists, err := t.exists(ctx, table.Name)
		if err != nil {
			return err
		}
		if !exists {
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
		return errors.New("the target is not empty and was not changed: " + strings.Join(full, ", "))
	}
	return nil
}
