package modules_test

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

var (
	word         = regexp.MustCompile(`\w+`)
	noTables     = regexp.MustCompile(`--[^\n]*|(?s:/\*.*?\*/)|'[^']*'`) // comments and text constants
	goingDown    = regexp.MustCompile(`(?is)--\s*\+goose\s+down.*`)
	lifeOfTable  = regexp.MustCompile(`(?i)\b(create|drop|alter)\s+(?:\w+\s+)?table\s+(?:if\s+(?:not\s+)?exists\s+)?"?(\w+)"?(?:\s+rename\s+to\s+"?(\w+)"?)?`)
	toPrimaryKey = regexp.MustCompile(`(?i)\breferences\s+"?\w+"?\s*\(\s*"?id"?\s*\)`)
)

// owners is table -> the module that owns it.
type owners map[string]string

// migration is one file migrations/<module>/<dialect>/NNNN_what.sql.
type migration struct{ path, module, dialect, sql string }

// table is one that migrations create, on one dialect.
type table struct{ name, dialect string }

// tablesHaveOneOwner is rule 7: in migrations, and in the Go code of stores. Tests are free: they prepare other modules' rows.
func tablesHaveOneOwner(t tree) []violation {
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
		if m.module == "platform" { // no module, so not on the map: its tables are nobody else's either
			for created := range schemaOf([]migration{m}) {
				owner[created.name] = m.module
			}
		}
	}
	found := owner.differFrom(schemaOf(all))
	for _, m := range all {
		found = append(found, owner.foreignIn(m.module, m.path, 1, blank(toPrimaryKey, blank(noTables, m.sql)))...)
	}
	for _, store := range t.stores() {
		found = append(found, owner.foreignInLiterals(store)...)
		found = append(found, owner.strangeTableNames(store)...)
		found = append(found, owner.foreignByDefault(store)...)
	}
	return found
}

// blank removes what matches and keeps the line numbers.
func blank(pattern *regexp.Regexp, text string) string {
	return pattern.ReplaceAllStringFunc(text, func(match string) string {
		return " " + strings.Repeat("\n", strings.Count(match, "\n"))
	})
}

// foreignIn finds the tables of other modules in SQL that begins at a line of a file.
func (o owners) foreignIn(module, file string, line int, sql string) []violation {
	var found []violation
	for _, at := range word.FindAllStringIndex(sql, -1) {
		table := strings.ToLower(sql[at[0]:at[1]])
		if owner := o[table]; owner != "" && owner != module {
			found = append(found, violation{file, line + strings.Count(sql[:at[0]], "\n"), fmt.Sprintf("names %s, a table of %s", table, owner)})
		}
	}
	return found
}

// migrations is in the order in which goose runs them, module by module.
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

// schemaOf plays the migrations forward: the tables that stand at the end, and where each got its name.
func schemaOf(all []migration) map[table]violation {
	schema := map[table]violation{}
	for _, m := range all {
		sql := blank(noTables, goingDown.ReplaceAllString(m.sql, ""))
		for _, at := range lifeOfTable.FindAllStringSubmatchIndex(sql, -1) {
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

// differFrom compares the context map with what the migrations leave behind.
func (o owners) differFrom(schema map[table]violation) []violation {
	var found []violation
	for t, created := range schema {
		if o[t.name] == "" {
			created.message = fmt.Sprintf("creates %s, which the context map gives to nobody", t.name)
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
