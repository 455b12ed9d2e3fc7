package modules_test

import (
	"fmt"
	"go/ast"
	"regexp"
	"strings"
)

var reference = regexp.MustCompile(`(?i)\breferences\s+"?(\w+)"?`)

// reaction is a subscription to an event of another module.
type reaction struct{ subscriber, of, event string }

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
			if of == m.module || !publishes[of] || followed[reaction{m.module, of, "Deleted"}] {
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

// reactions returns the events of other modules that functions of app pass to events.On, if the module's fx package
// passes these functions to events.Subscribe.
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
			call, ok := n.(*ast.CallExpr)
			if !ok || !isSelected(call.Fun, "events", "On") || len(call.Args) != 2 {
				return true
			}
			handler, ok := call.Args[1].(*ast.FuncLit)
			if !ok || len(handler.Type.Params.List) != 2 {
				return true
			}
			if event, ok := handler.Type.Params.List[1].Type.(*ast.SelectorExpr); ok {
				if of, ok := event.X.(*ast.Ident); ok && of.Name != f.module {
					followed[reaction{f.module, of.Name, event.Sel.Name}] = true
				}
			}
			return true
		})
	})
	return followed
}

// checkEvents is rule 10: the context map lists the events of other modules to which a module reacts, and only those.
func checkEvents(t tree) []violation {
	missing := t.reactions()
	var found []violation
	for _, row := range t.contextMap() {
		for _, r := range row.reacts {
			if !missing[r] {
				found = append(found, violation{"README.md", row.line,
					fmt.Sprintf("%s does not react to %s.%s", r.subscriber, r.of, r.event)})
			}
			delete(missing, r)
		}
	}
	for r := range missing {
		found = append(found, violation{"README.md", 0,
			fmt.Sprintf("the map lacks that %s reacts to %s.%s", r.subscriber, r.of, r.event)})
	}
	return found
}
