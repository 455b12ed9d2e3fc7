package database

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"
)

// UnusableError is a store that this release must not work with until an operator changes it. Trying again is pointless.
type UnusableError struct{ text string }

func (e *UnusableError) Error() string { return e.text }

func unusable(format string, args ...any) error { return &UnusableError{fmt.Sprintf(format, args...)} }

// pinned are the settings that decide what bytes, literals and instants mean. They travel in the startup message, where they win over those of the
// role, the database and the server, and no address overrides them. These four are the ones that every pooler passes on.
var pinned = map[string]string{
	"client_encoding":             "UTF8",
	"standard_conforming_strings": "on",
	"datestyle":                   "ISO, MDY",
	"timezone":                    "UTC",
}

// pin replaces what an address says of the pinned settings, in whatever case it spells them.
func pin(parameters map[string]string) {
	maps.DeleteFunc(parameters, func(name, _ string) bool {
		_, is := pinned[strings.ToLower(name)]
		return is
	})
	maps.Copy(parameters, pinned)
}

// inherited are settings that a pooler would not pass on in the startup message, and the values that the service works with; the first
// is what it sets:
//   - synchronous_commit=off loses acknowledged writes; the other values are the operator's choice.
//   - Another isolation level refuses or hides rows that a transaction relies on after it waited for a lock.
//   - gin_fuzzy_search_limit drops results of a search.
//   - bytea_output=escape is not understood where results are text (default_query_exec_mode=simple_protocol).
const inherited = `(VALUES ('synchronous_commit', '{on,local,remote_write,remote_apply}'::text[]), ('default_transaction_isolation', '{read committed}'),
	('default_transaction_read_only', '{off}'), ('gin_fuzzy_search_limit', '{0}'), ('bytea_output', '{hex}')) AS setting (name, accepted)`

// correct sets those of a session that is the service's own: behind a pooler, whose process numbers are others than the server's, the
// next transaction may run in another session.
const correct = `SELECT set_config(name, accepted[1], false) FROM ` + inherited + `
	WHERE current_setting(name, true) <> ALL (accepted) AND pg_backend_pid() = %d`

// refused are the rules that a session cannot be brought to keep. A row is a rule that it breaks, the value that breaks it, and what would do:
//   - Another encoding of the server, or one that a pooler insists on, garbles text.
//   - Replicas' sessions fire no trigger and check no foreign key.
//   - An inherited setting of a session behind a pooler.
//   - A schema that comes before pg_catalog may replace its functions; tables in a temporary schema are gone with the session.
const refused = `SELECT rule, value, NULL FROM (VALUES
		('server_encoding', current_setting('server_encoding'), upper(current_setting('server_encoding')) NOT IN ('UTF8', 'UTF-8')),
		('client_encoding', current_setting('client_encoding'), upper(current_setting('client_encoding')) NOT IN ('UTF8', 'UTF-8')),
		('standard_conforming_strings', current_setting('standard_conforming_strings'), current_setting('standard_conforming_strings') <> 'on'),
		('session_replication_role', current_setting('session_replication_role', true), current_setting('session_replication_role', true) = 'replica'),
		('search_path', current_setting('search_path'), coalesce(current_schema() LIKE 'pg\_%', true)
			OR 'pg_catalog' <> (SELECT s FROM unnest(current_schemas(true)) WITH ORDINALITY AS path (s, n) WHERE s NOT LIKE 'pg\_temp%' ORDER BY n LIMIT 1))
	) AS rules (rule, value, broken) WHERE broken
	UNION ALL SELECT name, current_setting(name, true), accepted[1] FROM ` + inherited + ` WHERE current_setting(name, true) <> ALL (accepted)`

// settle makes a new connection's session mean what the statements rely on, in one round trip. Errors: UnusableError, with the way out; the driver's.
func settle(ctx context.Context, conn *pgx.Conn) error {
	own := fmt.Sprintf(correct, conn.PgConn().PID())
	results, err := conn.PgConn().Exec(ctx, own+";"+refused).ReadAll() // the simple protocol, so that nothing is prepared behind a pooler
	if err != nil || len(results) == 0 {
		return err
	}
	for _, broken := range results[len(results)-1].Rows {
		return wayOut(string(broken[0]), string(broken[1]), string(broken[2]), conn.Config())
	}
	return nil
}

func wayOut(rule, value, right string, cfg *pgx.ConnConfig) error {
	switch rule {
	case "server_encoding":
		return unusable("the database is encoded in %s, not in UTF8: dump it and restore it into one that was created with ENCODING 'UTF8' TEMPLATE template0 "+
			"(cmd/healthcare/POSTGRESQL.md, \"The encoding of PostgreSQL\")", value)
	case "search_path":
		return unusable("search_path is %s: it must start with a schema that exists, and must not name pg_catalog or pg_temp", value)
	case "session_replication_role":
		return unusable("%s is %s, which switches off triggers and foreign keys: as a superuser, run ALTER ROLE %s IN DATABASE %s SET %[1]s = 'origin'",
			rule, value, quoted(cfg.User), quoted(cfg.Database))
	}
	if right != "" {
		return unusable("%s is %s, which the service cannot change in every session of a pooler: add SET %[1]s = '%[3]s' to its connect_query, or run "+
			"ALTER ROLE %[4]s IN DATABASE %[5]s SET %[1]s = '%[3]s'", rule, value, right, quoted(cfg.User), quoted(cfg.Database))
	}
	return unusable("%s is %s although the service asked for %s: let the pooler in front of PostgreSQL pass it on", rule, value, pinned[rule])
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
