package migrations_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// schema has the tables of an engine by name, in terms that both engines share.
type schema map[string]table

type table struct {
	columns []string // "name type null|not null", in order
	unique  []string // "name(columns)", with the primary key
	foreign []string // "name(columns) REFERENCES table(columns) ON DELETE action"
	checks  []string // names
	indexes []string // "name(column [DESC], …)", without those of constraints
	strict  bool     // on SQLite

	exclusions []string // "name: INSERT, UPDATE", with the operations that check it
}

func (s schema) names() []string {
	var names []string
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// valuesByTable returns the values of a query whose columns are "of", the name of a table, and "value".
func valuesByTable(t *testing.T, db *database.DB, query string) map[string][]string {
	t.Helper()
	var rows []struct{ Of, Value string }
	require.NoError(t, db.Read(t.Context()).Raw(query).Scan(&rows).Error)
	values := map[string][]string{}
	for _, row := range rows {
		values[row.Of] = append(values[row.Of], row.Value)
	}
	return values
}

// sortedByTable returns valuesByTable in an order that does not depend on the server's collation.
func sortedByTable(t *testing.T, db *database.DB, query string) map[string][]string {
	t.Helper()
	all := valuesByTable(t, db, query)
	for _, values := range all {
		slices.Sort(values)
	}
	return all
}

func readPostgres(t *testing.T, db *database.DB) schema {
	tables := valuesByTable(t, db, `SELECT relname AS of, '' AS value FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`)
	columns := valuesByTable(t, db, `SELECT table_name AS of, column_name || ' ' || CASE data_type
			WHEN 'uuid' THEN 'TEXT' WHEN 'text' THEN 'TEXT' WHEN 'timestamp with time zone' THEN 'TEXT'
			WHEN 'date' THEN 'TEXT' WHEN 'integer' THEN 'INTEGER' WHEN 'bigint' THEN 'INTEGER'
			WHEN 'boolean' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB'
			ELSE 'no equivalent on SQLite: ' || data_type END
			|| CASE is_nullable WHEN 'YES' THEN ' null' ELSE ' not null' END AS value
		FROM information_schema.columns WHERE table_schema = 'public' ORDER BY ordinal_position`)
	columnsOf := func(list, table string) string {
		return `(SELECT string_agg(attname, ', ' ORDER BY at) FROM unnest(` + list + `)
			WITH ORDINALITY AS k (attnum, at) JOIN pg_attribute USING (attnum) WHERE attrelid = ` + table + `)`
	}
	unique := sortedByTable(t, db, `SELECT conrelid::regclass::text AS of,
			conname || '(' || `+columnsOf("conkey", "conrelid")+` || ')' AS value
		FROM pg_constraint WHERE contype IN ('p', 'u')`)
	foreign := sortedByTable(t, db, `SELECT conrelid::regclass::text AS of,
			conname || '(' || `+columnsOf("conkey", "conrelid")+` || ') REFERENCES '
			|| confrelid::regclass || '(' || `+columnsOf("confkey", "confrelid")+` || ') ON DELETE '
			|| CASE confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'c' THEN 'CASCADE' ELSE 'something else' END AS value
		FROM pg_constraint WHERE contype = 'f'`)
	checks := sortedByTable(t, db, `SELECT conrelid::regclass::text AS of, conname AS value
		FROM pg_constraint WHERE contype = 'c'`)
	exclusions := sortedByTable(t, db, `SELECT conrelid::regclass::text AS of, conname || ': INSERT, UPDATE' AS value
		FROM pg_constraint WHERE contype = 'x'`)
	indexes := sortedByTable(t, db, `SELECT i.indrelid::regclass::text AS of,
			i.indexrelid::regclass || '(' || string_agg(
			coalesce(pg_get_indexdef(i.indexrelid, n, true), '')
				|| CASE WHEN i.indoption[n - 1] & 1 = 1 THEN ' DESC' ELSE '' END, ', ' ORDER BY n) || ')' AS value
		FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid CROSS JOIN generate_series(1, i.indnatts) AS n
			JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
		WHERE c.relnamespace = 'public'::regnamespace
			AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
			AND m.amname = 'btree' -- only PostgreSQL has others, such as GIN for searches
		GROUP BY i.indrelid, i.indexrelid`)
	read := schema{}
	for name := range tables {
		read[name] = table{
			columns: columns[name], unique: unique[name], foreign: foreign[name], checks: checks[name],
			indexes: indexes[name], exclusions: exclusions[name],
		}
	}
	return read
}

var (
	namedUnique  = regexp.MustCompile(`CONSTRAINT (\w+) UNIQUE`)
	namedForeign = regexp.MustCompile(`CONSTRAINT (\w+) REFERENCES`)
	namedCheck   = regexp.MustCompile(`CONSTRAINT (\w+) CHECK \(((?:[^()]|\([^()]*\))*)\)`)

	beforeChange    = regexp.MustCompile(`(?i)^CREATE TRIGGER \w+\s+BEFORE\s+(INSERT|UPDATE)\b`)
	raisedExclusion = regexp.MustCompile(`(?i)RAISE\s*\(ABORT,\s*'(\w+_excl)'\)`)
)

func readSQLite(t *testing.T, db *database.DB) schema {
	statements := valuesByTable(t, db, `SELECT name AS of, sql AS value
		FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	strict := valuesByTable(t, db, `SELECT name AS of, strict AS value FROM pragma_table_list WHERE schema = 'main'`)
	columns := valuesByTable(t, db, `SELECT t.name AS of,
			c.name || ' ' || c.type || CASE WHEN c."notnull" OR c.pk THEN ' not null' ELSE ' null' END AS value
		FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY c.cid`)
	columnsOf := func(suffix, separator string) string {
		// An index has at most one expression.
		const expression = `(SELECT substr(sql, instr(sql, '((') + 1, instr(sql, ')') - instr(sql, '(('))
			FROM sqlite_schema WHERE name = i.name)`
		return `(SELECT group_concat(coalesce(name, ` + expression + `)` + suffix + `, '` + separator + `')
			FROM (SELECT * FROM pragma_index_xinfo(i.name) WHERE key ORDER BY seqno))`
	}
	// SQLite's message has only the columns. The names are derived from them as in platform/database.
	unique := sortedByTable(t, db, `SELECT t.name AS of, t.name
			|| CASE i.origin WHEN 'pk' THEN '_pkey' ELSE '_' || `+columnsOf("", "_")+` || '_key' END
			|| '(' || `+columnsOf("", ", ")+` || ')' AS value
		FROM sqlite_schema t JOIN pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin IN ('pk', 'u')
		UNION ALL SELECT t.name, t.name || '_pkey(' || c.name || ')' -- the rowid has no index
		FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND c.pk > 0
		AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) WHERE origin = 'pk')`)
	foreign := sortedByTable(t, db, `SELECT t.name AS of, t.name || '_' || group_concat(k."from", '_')
			|| '_fkey(' || group_concat(k."from", ', ') || ') REFERENCES '
			|| k."table" || '(' || group_concat(k."to", ', ') || ') ON DELETE ' || k.on_delete AS value
		FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k WHERE t.type = 'table' GROUP BY t.name, k.id`)
	indexes := sortedByTable(t, db, `SELECT t.name AS of,
			i.name || '(' || `+columnsOf(` || CASE "desc" WHEN 1 THEN ' DESC' ELSE '' END`, ", ")+` || ')' AS value
		FROM sqlite_schema t JOIN pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin = 'c'`)
	triggers := valuesByTable(t, db, `SELECT tbl_name AS of, sql AS value FROM sqlite_schema WHERE type = 'trigger'`)
	read := schema{}
	for name, statement := range statements {
		requireSameNames(t, name, namedUnique.FindAllStringSubmatch(statement[0], -1), unique[name])
		requireSameNames(t, name, namedForeign.FindAllStringSubmatch(statement[0], -1), foreign[name])
		read[name] = table{
			columns: columns[name], unique: unique[name], foreign: foreign[name], checks: checkNames(statement[0]),
			indexes: indexes[name], strict: strict[name][0] == "1", exclusions: raisedExclusions(triggers[name]),
		}
	}
	return read
}

// requireSameNames asserts that constraints, which SQLite names in the table's statement only, have expected names.
func requireSameNames(t *testing.T, table string, constraints [][]string, expected []string) {
	t.Helper()
	for _, name := range constraints {
		require.True(t, slices.ContainsFunc(expected, func(e string) bool { return strings.HasPrefix(e, name[1]+"(") }),
			"%s: platform/database derives none of these names for %s: %v", table, name[1], expected)
	}
}

// checkNames returns the names of the checks, without those that only replace PostgreSQL's type boolean.
func checkNames(statement string) []string {
	var names []string
	for _, check := range namedCheck.FindAllStringSubmatch(statement, -1) {
		if !strings.HasSuffix(check[2], " IN (0, 1)") {
			names = append(names, check[1])
		}
	}
	slices.Sort(names)
	return names
}

// raisedExclusions returns the names of constraints that the triggers of a table raise before a change, each with the
// changes.
func raisedExclusions(triggers []string) []string {
	changes := map[string][]string{} // by name
	for _, trigger := range triggers {
		change := beforeChange.FindStringSubmatch(trigger)
		if change == nil {
			continue
		}
		for _, raised := range raisedExclusion.FindAllStringSubmatch(trigger, -1) {
			changes[raised[1]] = append(changes[raised[1]], strings.ToUpper(change[1]))
		}
	}
	var exclusions []string
	for name, all := range changes {
		slices.Sort(all)
		exclusions = append(exclusions, name+": "+strings.Join(slices.Compact(all), ", "))
	}
	slices.Sort(exclusions)
	return exclusions
}
