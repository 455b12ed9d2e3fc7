package modules_test

import (
	"go/ast"
	"slices"
)

// GORM's methods by their use of the caller's SQL.
var (
	// after the destination, unescaped
	takesConditions = []string{"First", "Take", "Last", "Find", "Delete", "FirstOrInit", "FirstOrCreate"}
	// as the first argument; values may follow
	takesSQL = []string{
		"Where", "Or", "Not", "Order", "Group", "Having", "Joins", "InnerJoins", "Table", "Pluck",
		"Update", "UpdateColumn", "Raw", "Exec",
	}
	takesColumns = []string{"Select", "Distinct", "Omit"} // as every argument
	writesFields = []string{"Updates", "UpdateColumns"}   // of a struct: those that are not zero, or selected
)

// checkGorm is rule 8. It follows the database handle by name: from Read(ctx) and Write(ctx), through variables and
// calls.
func checkGorm(t tree) []violation {
	var found []violation
	for _, store := range t.stores() {
		known := packageNames(store)
		for _, f := range store {
			for _, declared := range f.syntax.Decls {
				found = append(found, misusesIn(f, declared, known.inside())...)
			}
		}
	}
	return found
}

// misusesIn walks one declaration in source order, so that a variable is known before it is used.
func misusesIn(f file, declared ast.Decl, known names) []violation {
	var found []violation
	ast.Inspect(declared, func(n ast.Node) bool {
		known.add(n)
		switch n := n.(type) {
		case *ast.CallExpr:
			if callee, isSelector := n.Fun.(*ast.SelectorExpr); isSelector && len(n.Args) > 0 {
				if misuse := known.misuse(callee, n.Args); misuse != "" {
					found = append(found, f.violation(callee.Sel, "%s", misuse))
				}
			}
		case *ast.CompositeLit:
			for _, element := range n.Elts {
				if isClause(n) && known.isRawSQL(element) {
					found = append(found, f.violation(element, "a clause takes SQL that is not constant"))
				}
			}
		}
		return true
	})
	return found
}

// misuse returns the flaw of a call of callee, or "".
func (k names) misuse(callee *ast.SelectorExpr, args []ast.Expr) string {
	name, first := callee.Sel.Name, args[0]
	switch {
	case isSelected(callee, "gorm", "Expr") && !k.isConstant(first):
		return "gorm.Expr takes SQL that is not constant"
	case !k.isHandle(callee.X):
		return ""
	case name == "Save":
		return "Save writes every column, and inserts a missing row: use database.Update"
	case slices.Contains(takesConditions, name) && len(args) > 1:
		return name + " takes conditions, which pass raw SQL through: use Where"
	case slices.Contains(writesFields, name) && !isMap(first):
		return name + " of a struct leaves out zero values, or the columns that its Select does not name: " +
			"use database.Update for a row, a map literal for some columns"
	case name == "Order" && isClause(first):
		return ""
	case slices.Contains(takesSQL, name) && !k.isConstant(first),
		slices.Contains(takesColumns, name) && !every(args, k.isConstant):
		return name + " takes SQL that is not constant"
	}
	return ""
}

// isRawSQL reports whether a clause's field takes raw SQL, as in clause.Expr{SQL: input} and
// clause.Column{Name: input, Raw: true}.
func (k names) isRawSQL(element ast.Expr) bool {
	field, keyed := element.(*ast.KeyValueExpr)
	return keyed && (isIdent(field.Key, "Raw") || isIdent(field.Key, "SQL") && !k.isConstant(field.Value))
}

func isClause(e ast.Expr) bool {
	literal, isLiteral := e.(*ast.CompositeLit)
	return isLiteral && isSelected(literal.Type, "clause", "")
}

func isMap(e ast.Expr) bool {
	literal, isLiteral := e.(*ast.CompositeLit)
	if !isLiteral {
		return false
	}
	_, isMapType := literal.Type.(*ast.MapType)
	return isMapType
}

func every[T any](list []T, holds func(T) bool) bool {
	return !slices.ContainsFunc(list, func(v T) bool { return !holds(v) })
}
