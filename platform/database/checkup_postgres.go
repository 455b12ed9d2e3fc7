package database

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"healthcare/platform/checkup"
	"healthcare/platform/database/internal/postgres"
)

const (
	minServerVersion = 150000 // as server_version_num
	warnClockSkew    = 2 * time.Second
	failClockSkew    = time.Minute
)

func (db *DB) checkPostgres(ctx context.Context) []checkup.Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var s struct {
		Version, Role, ServerEncoding, ClientEncoding, Verbosity string
		Number                                                   int
		Standby, Trigrams                                        bool
		ReadOnly                                                 string
	}
	err := db.Read(ctx).Raw(`SELECT current_user AS role,
		current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
		current_setting('server_encoding') AS server_encoding, current_setting('client_encoding') AS client_encoding,
		current_setting('log_error_verbosity') AS verbosity,
		pg_is_in_recovery() AS standby, current_setting('transaction_read_only') AS read_only,
		EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') AS trigrams`).Scan(&s).Error
	if err != nil {
		return []checkup.Finding{checkup.NewFinding(checkup.Fail, "store", "%s: %v", db.Location(), causeOf(err))}
	}
	state, remark := checkup.OK, ""
	switch {
	case s.Number < minServerVersion:
		state, remark = checkup.Fail, ": PostgreSQL 15 or newer is required"
	case s.Standby || s.ReadOnly != "off":
		state, remark = checkup.Fail, ": it is read-only: "+
			"configure the primary, or add target_session_attrs=read-write to a list of hosts"
	}
	findings := []checkup.Finding{checkup.NewFinding(state, "store", "%s answers from %s: version %s, role %s%s",
		db.Location(), db.serverAddress(ctx), s.Version, s.Role, remark)}
	if s.ServerEncoding == "UTF8" && s.ClientEncoding == "UTF8" {
		findings = append(findings, checkup.NewFinding(checkup.OK, "encoding", "UTF8"))
	} else {
		findings = append(findings, checkup.NewFinding(checkup.Fail, "encoding",
			"the server has %s and the session %s: dump the database and restore it into one with ENCODING 'UTF8'",
			s.ServerEncoding, s.ClientEncoding))
	}
	findings = append(findings, db.checkSchema(ctx, s.Role), db.checkIndexes(ctx, s.Trigrams))
	if s.Verbosity == "terse" {
		findings = append(findings, checkup.NewFinding(checkup.OK, "privacy", "log_error_verbosity is terse"))
	} else {
		findings = append(findings, checkup.NewFinding(checkup.Warn, "privacy",
			"log_error_verbosity is %s: PostgreSQL writes the contents of rejected rows into its log; set it to terse",
			s.Verbosity))
	}
	findings = append(findings, db.checkClock(ctx))
	return append(findings, db.checkReplicas(ctx)...)
}

// serverAddress returns the address of the connected server, which may be one of several hosts.
func (db *DB) serverAddress(ctx context.Context) string {
	conn, err := db.pools[0].Conn(ctx)
	if err != nil {
		return "nowhere"
	}
	defer func() { _ = conn.Close() }()
	address := "an unknown address"
	_ = conn.Raw(func(driver any) error {
		if c, ok := driver.(*stdlib.Conn); ok {
			address = c.Conn().PgConn().Conn().RemoteAddr().String()
		}
		return nil
	})
	return address
}

// shadows returns the schema with most tables that record migrations, the first of several; relations of schemas before
// it in the search path that have the name of one of its tables, so that queries use them instead; and schemas after it
// that have as many tables that record migrations.
const shadows = `WITH relation AS (
		SELECT c.relname AS name, c.relowner AS owner, path.schema, path.n FROM pg_class c
		JOIN unnest(current_schemas(false)) WITH ORDINALITY AS path (schema, n)
			ON quote_ident(path.schema)::regnamespace = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
	), installation AS (
		SELECT schema, n, owner, count(*) AS tables FROM relation WHERE name LIKE 'goose\_%' GROUP BY schema, n, owner
	), service AS (
		SELECT * FROM installation ORDER BY tables DESC, n LIMIT 1
	)
	SELECT service.schema, coalesce((SELECT string_agg(r.schema || '.' || r.name, ', ' ORDER BY r.n, r.name)
			FROM relation own JOIN relation r ON r.name = own.name AND r.n < own.n
			WHERE own.n = service.n AND own.owner = service.owner), '') AS used,
		coalesce((SELECT string_agg(i.schema, ', ' ORDER BY i.n) FROM installation i
			WHERE i.n > service.n AND i.tables = service.tables), '') AS copies FROM service`

// checkSchema reports relations that are used instead of tables of the service.
func (db *DB) checkSchema(ctx context.Context, role string) checkup.Finding {
	var s struct{ Schema, Used, Copies string }
	err := db.Read(ctx).Raw(shadows).Scan(&s).Error
	remedy := "ALTER ROLE " + postgres.Quoted(role) + " SET search_path = " + postgres.Quoted(s.Schema)
	switch {
	case err != nil:
		return checkup.NewFinding(checkup.Fail, "schema", "%v", causeOf(err))
	case s.Used != "":
		return checkup.NewFinding(checkup.Fail, "schema",
			"%s: used instead of the tables of the service in %s: find out who created them, and run %s",
			s.Used, s.Schema, remedy)
	case s.Copies != "":
		return checkup.NewFinding(checkup.Warn, "schema",
			"%s is used, but %s is in the search_path and has the tables of the service as well: "+
				"if %[1]s is right, run %[3]s", s.Schema, s.Copies, remedy)
	}
	return checkup.NewFinding(checkup.OK, "schema", "no relation replaces a table of the service (%s)", s.Schema)
}

// checkIndexes reports tables without a search index, and invalid indexes, which an interrupted CREATE INDEX
// CONCURRENTLY leaves.
func (db *DB) checkIndexes(ctx context.Context, trigrams bool) checkup.Finding {
	if !trigrams {
		return checkup.NewFinding(checkup.Warn, "extensions",
			"pg_trgm is not installed: searches slow down as lists grow; CREATE EXTENSION pg_trgm, then its indexes")
	}
	var unindexed, invalid []string
	err := errors.Join(
		db.Read(ctx).Raw(`SELECT c.relname FROM pg_class c
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'search_text' AND NOT a.attisdropped
			WHERE c.relkind = 'r' AND c.relnamespace = ANY (current_schemas(false)::regnamespace[]) AND NOT EXISTS (
				SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
				WHERE i.indrelid = c.oid AND i.indisvalid AND m.amname IN ('gin', 'gist')
				AND a.attnum = ANY (i.indkey)) ORDER BY 1`).Scan(&unindexed).Error,
		db.Read(ctx).Raw(`SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
			WHERE NOT i.indisvalid AND x.relnamespace = ANY (current_schemas(false)::regnamespace[])
			ORDER BY 1`).Scan(&invalid).Error,
	)
	switch {
	case err != nil:
		return checkup.NewFinding(checkup.Fail, "extensions", "%v", causeOf(err))
	case len(invalid) > 0:
		return checkup.NewFinding(checkup.Warn, "extensions",
			"these indexes are invalid, because their creation was interrupted: %s: REINDEX INDEX CONCURRENTLY each",
			strings.Join(invalid, ", "))
	case len(unindexed) > 0:
		table := unindexed[0]
		return checkup.NewFinding(checkup.Warn, "extensions",
			"no index serves searches of %s: "+
				"CREATE INDEX CONCURRENTLY %s_search_text_idx ON %s USING gin (search_text gin_trgm_ops)",
			strings.Join(unindexed, ", "), table, table)
	}
	return checkup.NewFinding(checkup.OK, "extensions", "pg_trgm and its indexes exist")
}

func (db *DB) checkClock(ctx context.Context) checkup.Finding {
	var serverTime time.Time
	start := time.Now()
	if err := db.pools[0].QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&serverTime); err != nil {
		return checkup.NewFinding(checkup.Fail, "skew", "%v", causeOf(err))
	}
	middle := start.Add(time.Since(start) / 2)
	return skewFinding(serverTime.Sub(middle))
}

func skewFinding(skew time.Duration) checkup.Finding {
	const format = "the database server's clock differs by %s: synchronise both (NTP)"
	switch {
	case skew.Abs() > failClockSkew:
		return checkup.NewFinding(checkup.Fail, "skew", format, skew.Round(time.Second))
	case skew.Abs() > warnClockSkew:
		return checkup.NewFinding(checkup.Warn, "skew", format, skew.Round(time.Millisecond))
	}
	return checkup.NewFinding(checkup.OK, "skew", "the clock agrees with the database server's")
}

// checkReplicas reports whether each replica can be read.
func (db *DB) checkReplicas(ctx context.Context) (findings []checkup.Finding) {
	for i, address := range db.cfg.ReplicaURLs {
		pool, err := postgres.OpenPool(postgres.Config{URL: address})
		var standby bool
		if err == nil {
			err = pool.QueryRowContext(ctx, "SELECT pg_is_in_recovery()").Scan(&standby)
			_ = pool.Close()
		}
		state, text := checkup.OK, "can be read"
		switch {
		case err != nil:
			state, text = checkup.Warn, "is not used: "+causeOf(err).Error()
		case !standby:
			state, text = checkup.Warn, "is not a replica"
		}
		findings = append(findings,
			checkup.NewFinding(state, "replica", "number %d of database_replica_urls %s", i+1, text))
	}
	return findings
}
