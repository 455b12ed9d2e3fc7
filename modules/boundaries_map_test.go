package modules_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// mapColumns is the head of the table under README.md's heading "Context map".
var mapColumns = []string{"module", "owns", "queries", "publishes", "reacts to"}

var noMap = violation{
	file:    "README.md",
	message: `has no heading "Context map" with a table | ` + strings.Join(mapColumns, " | ") + " |",
}

var backticked = regexp.MustCompile("`([^`]+)`")

// mapRow is one line of the context map.
type mapRow struct {
	line    int
	module  string
	tables  []string // owned by the module: the names in backticks
	queries []string // sorted
	reacts  []reaction
}

// contextMap returns the rows of the table in README.md, or none.
func (t tree) contextMap() []mapRow {
	text, err := fs.ReadFile(t.fs, "README.md")
	if err != nil {
		return nil
	}
	var rows []mapRow
	inSection, inTable := false, false
	for n, line := range strings.Split(string(text), "\n") {
		cells := cellsOf(line)
		switch {
		case strings.HasPrefix(line, "#"):
			inSection = strings.EqualFold(strings.Trim(line, "# "), "Context map")
		case !inSection || cells == nil:
			inTable = false
		case slices.Equal(cells, mapColumns):
			inTable = true
		case inTable && len(cells) == len(mapColumns) && strings.Trim(cells[0], ":-") != "":
			module := bare(cells[0])
			rows = append(rows, mapRow{
				n + 1, module, allBackticked(cells[1]), list(cells[2]), reactionsOf(module, allBackticked(cells[4])),
			})
		}
	}
	return rows
}

// cellsOf returns the cells of a table's line, or nil for another line.
func cellsOf(line string) []string {
	if line = strings.TrimSpace(line); !strings.HasPrefix(line, "|") {
		return nil
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

func bare(cell string) string { return strings.Trim(cell, " `") }

func allBackticked(cell string) []string {
	var words []string
	for _, match := range backticked.FindAllStringSubmatch(cell, -1) {
		words = append(words, match[1])
	}
	return words
}

// reactionsOf parses "patients.Deleted, Transferred": an event without a module is of the same one as that before it.
func reactionsOf(module string, events []string) (all []reaction) {
	of := ""
	for _, event := range events {
		if before, name, qualified := strings.Cut(event, "."); qualified {
			of, event = before, name
		}
		all = append(all, reaction{module, of, event})
	}
	return all
}

// list parses "patients, doctors"; "-" is an empty list.
func list(cell string) []string {
	var names []string
	for name := range strings.SplitSeq(cell, ",") {
		if name = bare(name); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// checkMap is rule 1: a module imports only the root of another, and only where the context map allows it.
func checkMap(t tree) []violation {
	rows := t.contextMap()
	found := compareMap(t, rows)
	allowed := func(importer, of string) bool {
		return slices.ContainsFunc(rows, func(row mapRow) bool {
			return row.module == importer && slices.Contains(row.queries, of)
		})
	}
	for _, f := range t.files {
		found = append(found, f.reject(func(i imported) string {
			switch {
			case f.module == "" || i.module == "" || i.module == f.module:
				return ""
			case i.layer == "fx" || i.layer == "test":
				return "" // rule 5
			case i.layer != "root":
				return fmt.Sprintf("imports %s: of another module only the root is public", i.path)
			case !f.test && !allowed(f.module, i.module):
				return fmt.Sprintf("the context map does not let %s import %s", f.module, i.module)
			}
			return ""
		})...)
	}
	return found
}

// compareMap compares the context map with the folders of modules/.
func compareMap(t tree, rows []mapRow) []violation {
	if len(rows) == 0 {
		return []violation{noMap}
	}
	var found []violation
	missing := t.modules()
	for _, row := range rows {
		missing = slices.DeleteFunc(missing, func(m string) bool { return m == row.module })
		if !slices.Contains(t.modules(), row.module) {
			message := fmt.Sprintf("the map has %s, which is not in modules/", row.module)
			found = append(found, violation{"README.md", row.line, message})
		}
	}
	for _, m := range missing {
		found = append(found, violation{"README.md", 0, fmt.Sprintf("the map has no module %s", m)})
	}
	return found
}
