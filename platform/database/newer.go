package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"healthcare/platform/database/internal/fault"
	"healthcare/platform/database/internal/postgres"
)

// newer returns what a newer release has applied that this one does not know, and UnusableError when one of it declares, in breaking_migrations, that
// older releases cannot work with it.
func (db *DB) newer(ctx context.Context, pool *sql.DB, m Migrations) (unknown []Migration, err error) {
	tables, err := db.migrationTables(ctx, pool)
	if err != nil {
		return nil, fault.Explain(err)
	}
	known, err := db.known(m)
	if err != nil {
		return nil, err
	}
	var breaking []string
	for _, table := range tables {
		if table == "breaking_migrations" {
			err = eachVersion(ctx, pool, `SELECT module, version FROM breaking_migrations ORDER BY module, version`, func(module string, version int64) {
				if !known[versionOf{module, version}] {
					breaking = append(breaking, fmt.Sprintf("%s/%04d", module, version))
				}
			})
		} else {
			module := strings.TrimPrefix(table, "goose_")
			err = eachVersion(ctx, pool, `SELECT '', version_id FROM `+postgres.Quoted(table)+` WHERE version_id > 0 ORDER BY version_id`, func(_ string, version int64) {
				if !known[versionOf{module, version}] {
					unknown = append(unknown, Migration{Module: module, Name: fmt.Sprintf("%04d", version), Applied: true, Newer: true})
				}
			})
		}
		if err != nil {
			return nil, fault.Explain(err)
		}
	}
	if len(breaking) > 0 {
		return unknown, fault.Unusable("a newer release has applied %s, which this release cannot work with: run that release, or a newer one", strings.Join(breaking, ", "))
	}
	return unknown, nil
}

type versionOf struct {
	module  string
	version int64
}

// known are the migrations of this release.
func (db *DB) known(m Migrations) (map[versionOf]bool, error) {
	known := map[versionOf]bool{}
	for _, module := range m.Modules {
		files, err := fs.Glob(m.Files, module+"/"+string(db.engine)+"/*.sql")
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			version, err := goose.NumericComponent(path.Base(file))
			if err != nil {
				return nil, err
			}
			known[versionOf{module, version}] = true
		}
	}
	return known, nil
}

// migrationTables are those that record migrations, also of modules that this release does not know.
func (db *DB) migrationTables(ctx context.Context, pool *sql.DB) ([]string, error) {
	query := `SELECT name FROM sqlite_schema WHERE type = 'table'`
	if db.engine == Postgres {
		query = `SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = ANY (current_schemas(false))`
	}
	var tables []string
	var table string
	err := eachRow(ctx, pool, query, func() {
		ours := strings.HasPrefix(table, "goose_") && table != "goose_db_version" // the name that goose gives by default
		if ours || table == "breaking_migrations" {
			tables = append(tables, table)
		}
	}, &table)
	slices.Sort(tables)
	return slices.Compact(tables), err // more than one schema of the search path may have a table
}

func eachVersion(ctx context.Context, pool *sql.DB, query string, do func(module string, version int64)) error {
	var module string
	var version int64
	return eachRow(ctx, pool, query, func() { do(module, version) }, &module, &version)
}

func eachRow(ctx context.Context, pool *sql.DB, query string, do func(), into ...any) error {
	rows, err := pool.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		do()
	}
	return errors.Join(rows.Err(), rows.Close())
}
