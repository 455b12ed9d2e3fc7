package modules_test

import (
	"go/ast"
	"go/token"
	"strings"
)

// tablesInLiterals checks every string except those that cannot become SQL: imports and the texts of errors.
func (o owners) tablesInLiterals(store []file) []violation {
	var found []violation
	neverSQL := map[ast.Expr]bool{}
	eachIn(store, func(_ file, spec *ast.ImportSpec) { neverSQL[spec.Path] = true })
	eachIn(store, func(_ file, call *ast.CallExpr) {
		if isSelected(call.Fun, "fmt", "Errorf") || isSelected(call.Fun, "errors", "New") {
			neverSQL[call.Args[0]] = true
		}
	})
	eachIn(store, func(f file, literal *ast.BasicLit) {
		if literal.Kind == token.STRING && !neverSQL[literal] {
			found = append(found, o.otherTables(f.module, f.path, f.line(literal), unquoted(literal))...)
		}
	})
	return found
}

// wrongTableNames returns the TableName methods that do not return a table of the map as a literal.
func (o owners) wrongTableNames(store []file) []violation {
	var found []violation
	eachIn(store, func(f file, method *ast.FuncDecl) {
		if method.Name.Name != "TableName" {
			return
		}
		literal, plain := soleResult(method).(*ast.BasicLit)
		switch {
		case !plain:
			found = append(found, f.violation(method, "TableName does not just return a literal"))
		case o[unquoted(literal)] == "":
			found = append(found, f.violation(literal, "names %s, which the context map does not list",
				unquoted(literal)))
		}
	})
	return found
}

// tablesByDefault returns the structs without TableName that GORM would map to another module's table, by their plural.
func (o owners) tablesByDefault(store []file) []violation {
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
				found = append(found, f.violation(row, "GORM maps %s to %s, a table of %s",
					row.Name.Name, table, owner))
			}
		}
	})
	return found
}

// soleResult returns the result of a function that consists of one return, or nil.
func soleResult(f *ast.FuncDecl) ast.Expr {
	if len(f.Body.List) == 1 {
		if answer, isReturn := f.Body.List[0].(*ast.ReturnStmt); isReturn && len(answer.Results) == 1 {
			return answer.Results[0]
		}
	}
	return nil
}

// typeName returns T for T and *T.
func typeName(e ast.Expr) string {
	if pointer, isPointer := e.(*ast.StarExpr); isPointer {
		e = pointer.X
	}
	return e.(*ast.Ident).Name // a row type has no type parameters
}
