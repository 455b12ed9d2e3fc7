package modules_test

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

var (
	word             = regexp.MustCompile(`\w+`)
	commentsAndTexts = regexp.MustCompile(`--[^\n]*|(?s:/\*.*?\*/)|'[^']*'`) // comments and text constants
	downMigration    = regexp.MustCompile(`(?is)--\s*\+goose\s+down.*`)
	tableStatement   = regexp.MustCompile(
		`(?i)\b(create|drop|alter)\s+(?:\w+\s+)?table\s+(?:if\s+(?:not\s+)?exists\s+)?` +
			`"?(\w+)"?(?:\s+rename\s+to\s+"?(\w+)"?)?`)
	toPrimaryKey = regexp.MustCompile(`(?i)\breferences\s+"?\w+"?\s*\(\s*"?id"?\s*\)`)
)

// owners maps a table to the module that owns it.
type owners map[string]string

// migration is one file migrations/<module>/<dialect>/NNNN_change.sql.
type migration struct{ path, module, dialect, sql string }

// table is a table that migrations create, on one dialect.
type table struct{ name, dialect string }

// checkTables is rule 7, for migrations and the Go code of stores. Tests are exempt: they prepare other modules' rows.
func checkTables(t tree) []violation {
	owner := owners{}
	for _, row := range t.contextMap() {
		for _, table := range row.tables {
			owner[table] = row.module
		}
	}
	if len(owner) == 0 {
		return []violation{noMap}
	}
	all := t.migrations()
	for _, m := range all {
		if m.module == "platform" { // not a module, so not on the map; no module may use its tables either
			for created := range schemaOf([]migration{m}) {
				owner[created.name] = m.module
			}
		}
	}
	found := owner.compare(schemaOf(all))
	for _, m := range all {
		sql := blank(toPrimaryKey, blank(commentsAndTexts, m.sql))
		found = append(found, owner.otherTables(m.module, m.path, 1, sql)...)
	}
	for _, store := range t.stores() {
		found = append(found, owner.tablesInLiterals(store)...)
		found = append(found, owner.wrongTableNames(store)...)
		found = append(found, owner.tablesByDefault(store)...)
	}
	return found
}

// blank removes the matches and keeps the line numbers.
func blank(pattern *regexp.Regexp, text string) string {
	return pattern.ReplaceAllStringFunc(text, func(match string) string {
		return " " + strings.Repeat("\n", strings.Count(match, "\n"))
	})
}

// otherTables returns the uses of other modules' tables in SQL that begins at a line of a file.
func (o owners) otherTables(module, file string, line int, sql string) []violation {
	var found []violation
	for _, at := range word.FindAllStringIndex(sql, -1) {
		table := strings.ToLower(sql[at[0]:at[1]])
		if owner := o[table]; owner != "" && owner != module {
			found = append(found, violation{file, line + strings.Count(sql[:at[0]], "\n"),
				fmt.Sprintf("names %s, a table of %s", table, owner)})
		}
	}
	return found
}

// migrations returns all migrations in the order in which goose runs them, module by module.
func (t tree) migrations() []migration {
	var all []migration
	for _, p := range t.paths {
		if parts := strings.Split(p, "/"); parts[0] == "migrations" && len(parts) == 4 && path.Ext(p) == ".sql" {
			sql, _ := fs.ReadFile(t.fs, p)
			all = append(all, migration{p, parts[1], parts[2], string(sql)})
		}
	}
	return all
}

// schemaOf applies the migrations: it returns the tables that exist at the end, and where each got its name.
func schemaOf(all []migration) map[table]violation {
	schema := map[table]violation{}
	for _, m := range all {
		sql := blank(commentsAndTexts, downMigration.ReplaceAllString(m.sql, ""))
		for _, at := range tableStatement.FindAllStringSubmatchIndex(sql, -1) {
			group := func(n int) string {
				if at[2*n] < 0 {
					return ""
				}
				return strings.ToLower(sql[at[2*n]:at[2*n+1]])
			}
			here := violation{file: m.path, line: 1 + strings.Count(sql[:at[0]], "\n")}
			name, newName := table{group(2), m.dialect}, table{group(3), m.dialect}
			switch {
			case group(1) == "create":
				schema[name] = here
			case group(1) == "drop":
				delete(schema, name)
			case newName.name != "":
				delete(schema, name)
				schema[newName] = here
			}
		}
	}
	return schema
}

// compare compares the context map with the tables that the migrations create.
func (o owners) compare(schema map[table]violation) []violation {
	var found []violation
	for t, created := range schema {
		if o[t.name] == "" {
			created.message = fmt.Sprintf("creates %s, which the context map does not list", t.name)
			found = append(found, created)
		}
	}
	for name, module := range o {
		for _, dialect := range []string{"postgres", "sqlite"} {
			if _, exists := schema[table{name, dialect}]; !exists {
				found = append(found, violation{path.Join("migrations", module, dialect), 0, "never creates " + name})
			}
		}
	}
	return found
}
