package modules_test

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
)

// names classifies the names in the code of a store. A name that was a handle once remains one.
type names struct {
	constants map[string]bool
	handles   map[string]bool // variables that hold a *gorm.DB
	sources   map[string]bool // functions, methods and fields that return or hold one
}

// packageNames returns the names that are valid in the whole package.
func packageNames(store []file) names {
	k := names{map[string]bool{}, map[string]bool{}, map[string]bool{"Read": true, "Write": true}}
	eachIn(store, func(_ file, declared *ast.GenDecl) {
		for _, spec := range declared.Specs {
			if constant, isValue := spec.(*ast.ValueSpec); isValue && declared.Tok == token.CONST {
				mark(k.constants, constant.Names)
			}
		}
	})
	eachIn(store, func(_ file, declared *ast.StructType) {
		for _, field := range declared.Fields.List {
			if isGormDB(field.Type) {
				mark(k.sources, field.Names)
			}
		}
	})
	eachIn(store, func(_ file, declared *ast.FuncDecl) {
		if results := declared.Type.Results; results.NumFields() > 0 && isGormDB(results.List[0].Type) {
			k.sources[declared.Name.Name] = true
		}
	})
	return k
}

// inside returns a copy for one declaration, to which add adds.
func (k names) inside() names {
	return names{maps.Clone(k.constants), map[string]bool{}, k.sources}
}

// add adds the variables that n declares: those that hold a handle, and those that hide a constant.
func (k names) add(n ast.Node) {
	switch n := n.(type) {
	case *ast.Field: // parameters, results, receivers
		k.variables(n.Names, isGormDB(n.Type))
	case *ast.GenDecl:
		for _, spec := range n.Specs {
			if v, isValue := spec.(*ast.ValueSpec); isValue && n.Tok == token.VAR {
				k.variables(v.Names, isGormDB(v.Type) || slices.ContainsFunc(v.Values, k.isHandle))
			}
		}
	case *ast.RangeStmt:
		k.variables(identifiers(n.Key, n.Value), false)
	case *ast.AssignStmt:
		k.variables(identifiers(n.Lhs...), slices.ContainsFunc(n.Rhs, k.isHandle))
	}
}

func (k names) variables(declared []*ast.Ident, holdHandle bool) {
	for _, v := range declared {
		delete(k.constants, v.Name)
	}
	if holdHandle {
		mark(k.handles, declared)
	}
}

func (k names) isConstant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return e.Op == token.ADD && k.isConstant(e.X) && k.isConstant(e.Y)
	case *ast.ParenExpr:
		return k.isConstant(e.X)
	case *ast.Ident:
		return k.constants[e.Name]
	}
	return false
}

// isHandle reports whether e is a handle: a name of one, or a call on one, with one or of a source of one.
func (k names) isHandle(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return k.handles[e.Name]
	case *ast.ParenExpr:
		return k.isHandle(e.X)
	case *ast.SelectorExpr:
		return k.sources[e.Sel.Name]
	case *ast.CallExpr:
		switch callee := e.Fun.(type) {
		case *ast.Ident:
			return k.sources[callee.Name] || slices.ContainsFunc(e.Args, k.isHandle)
		case *ast.SelectorExpr:
			return k.sources[callee.Sel.Name] || k.isHandle(callee.X) || slices.ContainsFunc(e.Args, k.isHandle)
		}
		return slices.ContainsFunc(e.Args, k.isHandle) // gorm.G[row](handle)
	}
	return false
}

func mark(set map[string]bool, names []*ast.Ident) {
	for _, name := range names {
		set[name.Name] = true
	}
}

func identifiers(of ...ast.Expr) []*ast.Ident {
	var found []*ast.Ident
	for _, e := range of {
		if name, isName := e.(*ast.Ident); isName {
			found = append(found, name)
		}
	}
	return found
}

func isGormDB(e ast.Expr) bool {
	pointer, isPointer := e.(*ast.StarExpr)
	return isPointer && isSelected(pointer.X, "gorm", "DB")
}

// isSelected reports whether e is pkg.name; the name "" matches any.
func isSelected(e ast.Expr, pkg, name string) bool {
	selected, isSelector := e.(*ast.SelectorExpr)
	return isSelector && isIdent(selected.X, pkg) && (name == "" || selected.Sel.Name == name)
}

func isIdent(e ast.Expr, name string) bool {
	i, isName := e.(*ast.Ident)
	return isName && i.Name == name
}
