package migrations_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// schema is what an engine says of its tables, in words that both engines share.
type schema map[string]table

type table struct {
	columns []string // "name type null|not null", in order
	unique  []string // "name(columns)", the primary key's too
	foreign []string // "name(columns) REFERENCES table(columns) ON DELETE action"
	checks  []string // names
	indexes []string // "name(column [DESC], …)" of those that no constraint made
	strict  bool     // SQLite's
}

func (s schema) names() []string {
	var names []string
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ask is the rows of a query whose first column is a table's name, by that name.
func ask(t *testing.T, db *database.DB, query string) map[string][]string {
	t.Helper()
	var rows []struct{ Of, Said string }
	require.NoError(t, db.Read(t.Context()).Raw(query).Scan(&rows).Error)
	answers := map[string][]string{}
	for _, row := range rows {
		answers[row.Of] = append(answers[row.Of], row.Said)
	}
	return answers
}

// sorted is ask in an order of its own, whatever the server's collation.
func sorted(t *testing.T, db *database.DB, query string) map[string][]string {
	t.Helper()
	answers := ask(t, db, query)
	for _, said := range answers {
		slices.Sort(said)
	}
	return answers
}

func readPostgres(t *testing.T, db *database.DB) schema {
	tables := ask(t, db, `SELECT relname AS of, '' AS said FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`)
	columns := ask(t, db, `SELECT table_name AS of, column_name || ' ' || CASE data_type
			WHEN 'uuid' THEN 'TEXT' WHEN 'text' THEN 'TEXT' WHEN 'timestamp with time zone' THEN 'TEXT' WHEN 'date' THEN 'TEXT'
			WHEN 'integer' THEN 'INTEGER' WHEN 'bigint' THEN 'INTEGER' WHEN 'boolean' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB'
			ELSE 'nothing that SQLite knows: ' || data_type END
			|| CASE is_nullable WHEN 'YES' THEN ' null' ELSE ' not null' END AS said
		FROM information_schema.columns WHERE table_schema = 'public' ORDER BY ordinal_position`)
	columnsOf := func(list string) string {
		return `(SELECT string_agg(attname, ', ' ORDER BY at) FROM unnest(` + list + `) WITH ORDINALITY AS k (attnum, at) JOIN pg_attribute USING (attnum) WHERE attrelid = %s)`
	}
	unique := sorted(t, db, `SELECT conrelid::regclass::text AS of, conname || '(' || `+fmt.Sprintf(columnsOf("conkey"), "conrelid")+` || ')' AS said
		FROM pg_constraint WHERE contype IN ('p', 'u')`)
	foreign := sorted(t, db, `SELECT conrelid::regclass::text AS of, conname || '(' || `+fmt.Sprintf(columnsOf("conkey"), "conrelid")+` || ') REFERENCES '
			|| confrelid::regclass || '(' || `+fmt.Sprintf(columnsOf("confkey"), "confrelid")+` || ') ON DELETE '
			|| CASE confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'c' THEN 'CASCADE' ELSE 'something else' END AS said
		FROM pg_constraint WHERE contype = 'f'`)
	checks := sorted(t, db, `SELECT conrelid::regclass::text AS of, conname AS said FROM pg_constraint WHERE contype = 'c'`)
	indexes := sorted(t, db, `SELECT i.indrelid::regclass::text AS of, i.indexrelid::regclass || '(' || string_agg(
			coalesce(pg_get_indexdef(i.indexrelid, n, true), '') || CASE WHEN i.indoption[n - 1] & 1 = 1 THEN ' DESC' ELSE '' END, ', ' ORDER BY n) || ')' AS said
		FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid CROSS JOIN generate_series(1, i.indnatts) AS n
			JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
		WHERE c.relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
			AND m.amname = 'btree' -- others (a search's GIN) are PostgreSQL's alone
		GROUP BY i.indrelid, i.indexrelid`)
	read := schema{}
	for name := range tables {
		read[name] = table{columns: columns[name], unique: unique[name], foreign: foreign[name], checks: checks[name], indexes: indexes[name]}
	}
	return read
}

var (
	namedUnique  = regexp.MustCompile(`CONSTRAINT (\w+) UNIQUE`)
	namedForeign = regexp.MustCompile(`CONSTRAINT (\w+) REFERENCES`)
	namedCheck   = regexp.MustCompile(`CONSTRAINT (\w+) CHECK \(((?:[^()]|\([^()]*\))*)\)`)
)

func readSQLite(t *testing.T, db *database.DB) schema {
	statements := ask(t, db, `SELECT name AS of, sql AS said FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	strict := ask(t, db, `SELECT name AS of, strict AS said FROM pragma_table_list WHERE schema = 'main'`)
	columns := ask(t, db, `SELECT t.name AS of, c.name || ' ' || c.type || CASE WHEN c."notnull" OR c.pk THEN ' not null' ELSE ' null' END AS said
		FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY c.cid`)
	const expression = `(SELECT substr(sql, instr(sql, '((') + 1, instr(sql, ')') - instr(sql, '((')) FROM sqlite_schema WHERE name = i.name)` // at most one an index
	const columnsOf = `(SELECT group_concat(coalesce(name, ` + expression + `)%s, '%s') FROM (SELECT * FROM pragma_index_xinfo(i.name) WHERE key ORDER BY seqno))`
	// Here the names are made as platform/database makes them from SQLite's message, which has only the columns.
	unique := sorted(t, db, `SELECT t.name AS of, t.name || CASE i.origin WHEN 'pk' THEN '_pkey' ELSE '_' || `+fmt.Sprintf(columnsOf, "", "_")+` || '_key' END
			|| '(' || `+fmt.Sprintf(columnsOf, "", ", ")+` || ')' AS said
		FROM sqlite_schema t JOIN pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin IN ('pk', 'u')`)
	foreign := sorted(t, db, `SELECT t.name AS of, t.name || '_' || group_concat(k."from", '_') || '_fkey(' || group_concat(k."from", ', ') || ') REFERENCES '
			|| k."table" || '(' || group_concat(k."to", ', ') || ') ON DELETE ' || k.on_delete AS said
		FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k WHERE t.type = 'table' GROUP BY t.name, k.id`)
	indexes := sorted(t, db, `SELECT t.name AS of, i.name || '(' || `+fmt.Sprintf(columnsOf, ` || CASE "desc" WHEN 1 THEN ' DESC' ELSE '' END`, ", ")+` || ')' AS said
		FROM sqlite_schema t JOIN pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin = 'c'`)
	read := schema{}
	for name, statement := range statements {
		written := statement[0]
		requireSameNames(t, name, namedUnique.FindAllStringSubmatch(written, -1), unique[name])
		requireSameNames(t, name, namedForeign.FindAllStringSubmatch(written, -1), foreign[name])
		read[name] = table{
			columns: columns[name], unique: unique[name], foreign: foreign[name], checks: checksIn(written), indexes: indexes[name],
			strict: strict[name][0] == "1",
		}
	}
	return read
}

// requireSameNames is about names that SQLite keeps in the statement only: they must be those that stores expect.
func requireSameNames(t *testing.T, table string, written [][]string, expected []string) {
	t.Helper()
	for _, name := range written {
		require.True(t, slices.ContainsFunc(expected, func(e string) bool { return strings.HasPrefix(e, name[1]+"(") }),
			"%s: %s is not the name that platform/database will tell: %v", table, name[1], expected)
	}
}

// checksIn are the names of the checks, but for those by which SQLite makes up for what PostgreSQL knows as a type.
func checksIn(statement string) []string {
	var names []string
	for _, check := range namedCheck.FindAllStringSubmatch(statement, -1) {
		if !strings.HasSuffix(check[2], " IN (0, 1)") {
			names = append(names, check[1])
		}
	}
	slices.Sort(names)
	return names
}
