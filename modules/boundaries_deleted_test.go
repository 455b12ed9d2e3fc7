package modules_test

import (
	"fmt"
	"go/ast"
	"regexp"
	"strings"
)

var reference = regexp.MustCompile(`(?i)\breferences\s+"?(\w+)"?`)

// reaction is a subscription to the event Deleted of another module.
type reaction struct{ subscriber, of string }

// checkReactions is rule 9: a module whose table refers to rows of another module subscribes to that module's event
// Deleted, if it publishes one. Otherwise the foreign key prevents every removal.
func checkReactions(t tree) []violation {
	owner := owners{}
	for _, row := range t.contextMap() {
		for _, table := range row.tables {
			owner[table] = row.module
		}
	}
	publishes := t.publishers()
	followed := t.reactions()
	var found []violation
	for _, m := range t.migrations() {
		sql := blank(commentsAndTexts, downMigration.ReplaceAllString(m.sql, ""))
		for _, at := range reference.FindAllStringSubmatchIndex(sql, -1) {
			table := strings.ToLower(sql[at[2]:at[3]])
			of := owner[table]
			if of == m.module || !publishes[of] || followed[reaction{m.module, of}] {
				continue
			}
			found = append(found, violation{m.path, 1 + strings.Count(sql[:at[0]], "\n"),
				fmt.Sprintf("refers to %s, and %s does not subscribe to %s.Deleted", table, m.module, of)})
		}
	}
	return found
}

// publishers returns the modules whose root declares the event Deleted.
func (t tree) publishers() map[string]bool {
	publishes := map[string]bool{}
	eachIn(t.files, func(f file, declared *ast.TypeSpec) {
		if f.layer == "root" && !f.test && declared.Name.Name == "Deleted" {
			publishes[f.module] = true
		}
	})
	return publishes
}

// reactions returns the functions of app that name Deleted and that the module's fx package passes to events.Subscribe.
func (t tree) reactions() map[reaction]bool {
	subscribed := map[string]bool{} // module and function
	eachIn(t.files, func(f file, call *ast.CallExpr) {
		if f.layer != "fx" || f.test || !isSelected(call.Fun, "events", "Subscribe") {
			return
		}
		for _, argument := range call.Args {
			if when, ok := argument.(*ast.SelectorExpr); ok {
				subscribed[f.module+" "+when.Sel.Name] = true
			}
		}
	})
	followed := map[reaction]bool{}
	eachIn(t.files, func(f file, declared *ast.FuncDecl) {
		if f.layer != "app" || f.test || !subscribed[f.module+" "+declared.Name.Name] {
			return
		}
		ast.Inspect(declared, func(n ast.Node) bool {
			if event, ok := n.(*ast.SelectorExpr); ok && event.Sel.Name == "Deleted" {
				if of, ok := event.X.(*ast.Ident); ok {
					followed[reaction{f.module, of.Name}] = true
				}
			}
			return true
		})
	})
	return followed
}
