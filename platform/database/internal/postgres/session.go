package postgres

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"

	"healthcare/platform/database/internal/fault"
)

// pinned has the settings that determine the meaning of bytes, literals and times. They are part of the startup message
// and override the settings of the role, the database and the server. The URL cannot override them. Every pooler passes
// these four settings on.
var pinned = map[string]string{
	"client_encoding":             "UTF8",
	"standard_conforming_strings": "on",
	"datestyle":                   "ISO, MDY",
	"timezone":                    "UTC",
}

// pin sets the pinned settings, replacing those of the URL, in any letter case.
func pin(parameters map[string]string) {
	maps.DeleteFunc(parameters, func(name, _ string) bool {
		_, is := pinned[strings.ToLower(name)]
		return is
	})
	maps.Copy(parameters, pinned)
}

// inherited lists the settings that a pooler does not pass on in the startup message, with the accepted values, of
// which correct sets the first:
//   - synchronous_commit=off loses acknowledged writes; the other values are the operator's choice.
//   - A different isolation level rejects or hides rows that a transaction needs after it waited for a lock.
//   - gin_fuzzy_search_limit drops results of a search.
//   - bytea_output=escape cannot be read if results are text (default_query_exec_mode=simple_protocol).
const inherited = `(VALUES ('synchronous_commit', '{on,local,remote_write,remote_apply}'::text[]),
	('default_transaction_isolation', '{read committed}'), ('default_transaction_read_only', '{off}'),
	('gin_fuzzy_search_limit', '{0}'), ('bytea_output', '{hex}')) AS setting (name, accepted)`

// correct sets the inherited settings if the session belongs to this connection. Behind a pooler, whose process ids
// differ from the server's, the next transaction may run in another session.
const correct = `SELECT set_config(name, accepted[1], false) FROM ` + inherited + `
	WHERE current_setting(name, true) <> ALL (accepted) AND pg_backend_pid() = %d`

// broken returns the rules that the session violates and that cannot be corrected: the rule, the value that violates
// it, and an accepted value.
//   - A different encoding of the server, or of a pooler, garbles text.
//   - Sessions with the role of a replica fire no triggers and check no foreign keys.
//   - Inherited settings cannot be corrected in sessions behind a pooler.
//   - A schema before pg_catalog may replace its functions; tables in a temporary schema end with the session.
const broken = `SELECT rule, value, NULL FROM (VALUES
		('server_encoding', current_setting('server_encoding'),
			upper(current_setting('server_encoding')) NOT IN ('UTF8', 'UTF-8')),
		('client_encoding', current_setting('client_encoding'),
			upper(current_setting('client_encoding')) NOT IN ('UTF8', 'UTF-8')),
		('standard_conforming_strings', current_setting('standard_conforming_strings'),
			current_setting('standard_conforming_strings') <> 'on'),
		('session_replication_role', current_setting('session_replication_role', true),
			current_setting('session_replication_role', true) = 'replica'),
		('search_path', current_setting('search_path'), coalesce(current_schema() LIKE 'pg\_%', true)
			OR 'pg_catalog' <> (SELECT s FROM unnest(current_schemas(true)) WITH ORDINALITY AS path (s, n)
				WHERE s NOT LIKE 'pg\_temp%' ORDER BY n LIMIT 1))
	) AS rules (rule, value, broken) WHERE broken
	UNION ALL SELECT name, current_setting(name, true), accepted[1] FROM ` + inherited + `
		WHERE current_setting(name, true) <> ALL (accepted)`

// settle corrects and checks the settings of a new connection's session, in one round trip. Errors:
// *fault.UnusableError, with a remedy; those of the driver.
func settle(ctx context.Context, conn *pgx.Conn) error {
	own := fmt.Sprintf(correct, conn.PgConn().PID())
	// Exec uses the simple protocol, which creates no prepared statement behind a pooler.
	results, err := conn.PgConn().Exec(ctx, own+";"+broken).ReadAll()
	if err != nil || len(results) == 0 {
		return err
	}
	for _, row := range results[len(results)-1].Rows {
		return unusable(string(row[0]), string(row[1]), string(row[2]), conn.Config())
	}
	return nil
}

func unusable(rule, value, accepted string, cfg *pgx.ConnConfig) error {
	switch rule {
	case "server_encoding":
		return fault.Unusable("the database is encoded in %s, not in UTF8: dump it and restore it into one that was "+
			"created with ENCODING 'UTF8' TEMPLATE template0 "+
			"(cmd/healthcare/POSTGRESQL.md, \"The encoding of PostgreSQL\")", value)
	case "search_path":
		return fault.Unusable("search_path is %s: it must start with a schema that exists, and must not name "+
			"pg_catalog or pg_temp", value)
	case "session_replication_role":
		return fault.Unusable("%s is %s, which switches off triggers and foreign keys: as a superuser, run "+
			"ALTER ROLE %s IN DATABASE %s SET %[1]s = 'origin'", rule, value, Quoted(cfg.User), Quoted(cfg.Database))
	}
	if accepted != "" {
		return fault.Unusable("%s is %s, which the service cannot change in all sessions of a pooler: add "+
			"SET %[1]s = '%[3]s' to its connect_query, or run ALTER ROLE %[4]s IN DATABASE %[5]s SET %[1]s = '%[3]s'",
			rule, value, accepted, Quoted(cfg.User), Quoted(cfg.Database))
	}
	return fault.Unusable("%s is %s although the service requested %s: let the pooler in front of PostgreSQL pass it "+
		"on", rule, value, pinned[rule])
}

// Quoted returns name as a quoted SQL identifier.
func Quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
