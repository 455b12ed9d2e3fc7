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

// newerMigrations returns the applied migrations that only a newer release has. Errors: the store's; UnusableError for
// another schema, and together with the list if breaking_migrations contains one of them: older releases cannot work
// with it.
func (db *DB) newerMigrations(ctx context.Context, pool *sql.DB, m Migrations) (newer []Migration, err error) {
	tables, err := db.migrationTables(ctx, pool)
	if err != nil {
		return nil, fault.Explain(err)
	}
	if err := db.requireFirstSchema(ctx, pool, m); err != nil {
		return nil, fault.Explain(err)
	}
	known, err := db.knownVersions(m)
	if err != nil {
		return nil, err
	}
	var breaking []string
	for _, table := range tables {
		if table == "breaking_migrations" {
			query := `SELECT module, version FROM breaking_migrations ORDER BY module, version`
			err = eachVersion(ctx, pool, query, func(module string, version int64) {
				if !known[moduleVersion{module, version}] {
					breaking = append(breaking, fmt.Sprintf("%s/%04d", module, version))
				}
			})
		} else {
			module := strings.TrimPrefix(table, "goose_")
			quoted := postgres.Quoted(table)
			query := `SELECT '', version_id FROM ` + quoted + ` WHERE version_id > 0 ORDER BY version_id`
			err = eachVersion(ctx, pool, query, func(_ string, version int64) {
				if !known[moduleVersion{module, version}] {
					name := fmt.Sprintf("%04d", version)
					newer = append(newer, Migration{Module: module, Name: name, Applied: true, Newer: true})
				}
			})
		}
		if err != nil {
			return nil, fault.Explain(err)
		}
	}
	if len(breaking) > 0 {
		return newer, fault.Unusable(
			"a newer release has applied %s, which this release cannot work with: run that release, or a newer one",
			strings.Join(breaking, ", "),
		)
	}
	return newer, nil
}

// requireFirstSchema verifies that the tables of the service are in the schema in which new tables are created.
// Otherwise somebody created a schema that is searched first, such as one with the name of the role, and migrations
// would begin a second, empty installation in it. Errors: UnusableError; the driver's.
func (db *DB) requireFirstSchema(ctx context.Context, pool *sql.DB, m Migrations) error {
	if db.engine == SQLite {
		return nil
	}
	tables := make([]string, len(m.Modules))
	for i, module := range m.Modules {
		tables[i] = "goose_" + module
	}
	var schema, first, role string
	err := pool.QueryRowContext(ctx, `SELECT schemaname, current_schema(), current_user FROM pg_catalog.pg_tables
		WHERE schemaname = ANY (current_schemas(false)) AND tablename = ANY ($1)
		ORDER BY schemaname = current_schema() DESC LIMIT 1`, tables).Scan(&schema, &first, &role)
	if errors.Is(err, sql.ErrNoRows) || err == nil && schema == first {
		return nil
	}
	if err != nil {
		return err
	}
	return fault.Unusable("the tables of the service are in the schema %s, but the search_path begins with %s: "+
		"find out who created it, and run ALTER ROLE %s SET search_path = %s",
		schema, first, postgres.Quoted(role), postgres.Quoted(schema))
}

type moduleVersion struct {
	module  string
	version int64
}

// knownVersions returns the migrations of this release.
func (db *DB) knownVersions(m Migrations) (map[moduleVersion]bool, error) {
	known := map[moduleVersion]bool{}
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
			known[moduleVersion{module, version}] = true
		}
	}
	return known, nil
}

// migrationTables returns the names of the tables that record migrations, including those of unknown modules.
func (db *DB) migrationTables(ctx context.Context, pool *sql.DB) ([]string, error) {
	query := `SELECT name FROM sqlite_schema WHERE type = 'table'`
	if db.engine == Postgres {
		query = `SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = ANY (current_schemas(false))`
	}
	var tables []string
	var table string
	err := eachRow(ctx, pool, query, func() {
		ofModule := strings.HasPrefix(table, "goose_") && table != "goose_db_version" // goose's default name
		if ofModule || table == "breaking_migrations" {
			tables = append(tables, table)
		}
	}, &table)
	slices.Sort(tables)
	return slices.Compact(tables), err // several schemas of the search path may have the same table
}

// eachVersion calls do for each row of a query of a module and a version.
func eachVersion(ctx context.Context, pool *sql.DB, query string, do func(module string, version int64)) error {
	var module string
	var version int64
	return eachRow(ctx, pool, query, func() { do(module, version) }, &module, &version)
}

// eachRow scans each row of a query into dest and calls do.
func eachRow(ctx context.Context, pool *sql.DB, query string, do func(), dest ...any) error {
	rows, err := pool.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		do()
	}
	return errors.Join(rows.Err(), rows.Close())
}
