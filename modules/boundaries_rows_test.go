package modules_test

import (
	"go/ast"
	"go/token"
	"strings"
)

// foreignInLiterals looks at every string but those that cannot become SQL: imports and the texts of errors.
func (o owners) foreignInLiterals(store []file) []violation {
	var found []violation
	harmless := map[ast.Expr]bool{}
	eachIn(store, func(_ file, spec *ast.ImportSpec) { harmless[spec.Path] = true })
	eachIn(store, func(_ file, call *ast.CallExpr) {
		if isSelected(call.Fun, "fmt", "Errorf") || isSelected(call.Fun, "errors", "New") {
			harmless[call.Args[0]] = true
		}
	})
	eachIn(store, func(f file, literal *ast.BasicLit) {
		if literal.Kind == token.STRING && !harmless[literal] {
			found = append(found, o.foreignIn(f.module, f.path, f.line(literal), unquoted(literal))...)
		}
	})
	return found
}

// strangeTableNames finds TableName methods that say no table of the map, or not plainly.
func (o owners) strangeTableNames(store []file) []violation {
	var found []violation
	eachIn(store, func(f file, method *ast.FuncDecl) {
		if method.Name.Name != "TableName" {
			return
		}
		literal, plain := onlyAnswer(method).(*ast.BasicLit)
		switch {
		case !plain:
			found = append(found, f.violation(method, "TableName is more than the return of a literal"))
		case o[unquoted(literal)] == "":
			found = append(found, f.violation(literal, "names %s, which the context map gives to nobody", unquoted(literal)))
		}
	})
	return found
}

// foreignByDefault finds structs without TableName that GORM would take for another module's table, by their plural.
func (o owners) foreignByDefault(store []file) []violation {
	var found []violation
	named := map[string]bool{}
	eachIn(store, func(_ file, method *ast.FuncDecl) {
		if method.Name.Name == "TableName" && method.Recv != nil {
			named[typeName(method.Recv.List[0].Type)] = true
		}
	})
	eachIn(store, func(f file, row *ast.TypeSpec) {
		_, isStruct := row.Type.(*ast.StructType)
		for table, owner := range o {
			plural := strings.ToLower(row.Name.Name) + "s"
			if isStruct && !named[row.Name.Name] && owner != f.module && plural == strings.ReplaceAll(table, "_", "") {
				found = append(found, f.violation(row, "%s is %s to GORM, a table of %s", row.Name.Name, table, owner))
			}
		}
	})
	return found
}

// onlyAnswer is the expression in a body that is nothing but its return, else nil.
func onlyAnswer(f *ast.FuncDecl) ast.Expr {
	if len(f.Body.List) == 1 {
		if answer, isReturn := f.Body.List[0].(*ast.ReturnStmt); isReturn && len(answer.Results) == 1 {
			return answer.Results[0]
		}
	}
	return nil
}

// typeName is T of T and *T.
func typeName(e ast.Expr) string {
	if pointer, isPointer := e.(*ast.StarExpr); isPointer {
		e = pointer.X
	}
	return e.(*ast.Ident).Name // a row type has no type parameters
}
