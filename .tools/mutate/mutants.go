package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// mutant is one change of a file: the text between two offsets is replaced.
type mutant struct {
	file        string // from the top folder
	source      string // of the whole file, which may change while mutants are tested
	start, end  int
	replacement string
	line        int
	column      int
	change      string // the changed lines before and after: "a < b => a <= b"
	body        body   // of the function around it; empty outside functions
}

// body is the body of a function, without its braces, as offsets.
type body struct {
	start, end int
	results    bool // the function has results
}

func (m mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.change) }

// key identifies the mutant without its line number, which moves.
func (m mutant) key() string { return m.file + ": " + m.change }

// mutated returns the whole file with the change.
func (m mutant) mutated() []byte {
	return []byte(m.source[:m.start] + m.replacement + m.source[m.end:])
}

// swaps lists each operator with its mutations.
var swaps = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD},
	token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
	token.SHL: {token.SHR}, token.SHR: {token.SHL}, token.AND: {token.OR}, token.OR: {token.AND},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN},
	token.INC: {token.DEC}, token.DEC: {token.INC},
	token.BREAK: {token.CONTINUE}, token.CONTINUE: {token.BREAK},
}

// collector gathers the mutants of one file.
type collector struct {
	file    string
	source  string
	tokens  *token.FileSet
	syntax  *ast.File
	mutants []mutant
}

// mutantsOf returns all mutants of a Go file. Some do not compile; the compiler finds those.
func mutantsOf(file string, source []byte) ([]mutant, error) {
	c := collector{file: file, source: string(source), tokens: token.NewFileSet()}
	syntax, err := parser.ParseFile(c.tokens, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	c.syntax = syntax
	ast.PreorderStack(syntax, nil, func(n ast.Node, above []ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BinaryExpr:
			c.binary(n)
		case *ast.UnaryExpr:
			if n.Op == token.NOT {
				c.replace(n.Pos(), n.X.Pos(), "")
			}
		case *ast.IncDecStmt:
			c.swap(n.TokPos, n.Tok)
		case *ast.BranchStmt:
			if n.Label == nil {
				c.swap(n.TokPos, n.Tok)
			}
		case *ast.BasicLit:
			if value, err := strconv.ParseInt(n.Value, 0, 64); n.Kind == token.INT && err == nil {
				c.replace(n.Pos(), n.End(), strconv.FormatInt(value+1, 10))
			}
		case *ast.Ident:
			if n.Name == "true" || n.Name == "false" {
				c.replace(n.Pos(), n.End(), strconv.FormatBool(n.Name == "false"))
			}
		case *ast.IfStmt:
			c.condition(n.Cond)
		case *ast.CaseClause:
			if choice, inSwitch := above[len(above)-2].(*ast.SwitchStmt); inSwitch && choice.Tag == nil {
				for _, condition := range n.List {
					c.condition(condition)
				}
			}
			c.removals(n.Body)
		case *ast.BlockStmt:
			c.removals(n.List)
		case *ast.AssignStmt:
			c.swap(n.TokPos, n.Tok)
		case *ast.ReturnStmt:
			c.returned(n, signature(above))
		}
		return true
	})
	return c.mutants, nil
}

func (c *collector) replace(from, to token.Pos, replacement string) {
	start, end := c.offset(from), c.offset(to)
	lineStart := strings.LastIndexByte(c.source[:start], '\n') + 1
	lineEnd := end
	if rest := strings.IndexByte(c.source[end:], '\n'); rest >= 0 {
		lineEnd += rest
	}
	before := oneLine(c.source[lineStart:lineEnd])
	after := oneLine(c.source[lineStart:start] + replacement + c.source[end:lineEnd])
	if after == "" {
		after = "(removed)"
	}
	at := c.tokens.Position(from)
	c.mutants = append(c.mutants, mutant{
		c.file, c.source, start, end, replacement, at.Line, at.Column, before + " => " + after, c.bodyAround(from),
	})
}

// bodyAround returns the body of the function that contains at. A body with labels does not count: it has no second
// copy, because labels are unique in a function.
func (c *collector) bodyAround(at token.Pos) body {
	for _, d := range c.syntax.Decls {
		f, isFunction := d.(*ast.FuncDecl)
		if !isFunction || f.Body == nil || at <= f.Body.Lbrace || at >= f.Body.Rbrace {
			continue
		}
		for n := range ast.Preorder(f.Body) {
			if _, isLabel := n.(*ast.LabeledStmt); isLabel {
				return body{}
			}
		}
		return body{c.offset(f.Body.Lbrace) + 1, c.offset(f.Body.Rbrace), f.Type.Results != nil}
	}
	return body{}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (c *collector) offset(at token.Pos) int { return c.tokens.Position(at).Offset }

func (c *collector) text(n ast.Node) string { return c.source[c.offset(n.Pos()):c.offset(n.End())] }

func (c *collector) swap(at token.Pos, operator token.Token) {
	for _, other := range swaps[operator] {
		c.replace(at, at+token.Pos(len(operator.String())), other.String())
	}
}

func (c *collector) binary(n *ast.BinaryExpr) {
	switch {
	case n.Op == token.NEQ && isNil(n.Y): // an error is dropped
		c.replace(n.Pos(), n.End(), "("+c.text(n)+" && false)")
	case n.Op == token.ADD && (isText(n.X) || isText(n.Y)): // text cannot be subtracted
	default:
		c.swap(n.OpPos, n.Op)
	}
}

// condition negates a condition that has no operator of its own.
func (c *collector) condition(e ast.Expr) {
	switch e.(type) {
	case *ast.CallExpr, *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr:
		c.replace(e.Pos(), e.End(), "!"+c.text(e))
	}
}

// removals removes each call and assignment.
func (c *collector) removals(statements []ast.Stmt) {
	for _, s := range statements {
		assigned, isAssignment := s.(*ast.AssignStmt)
		if _, isCall := s.(*ast.ExprStmt); isCall || isAssignment && assigned.Tok != token.DEFINE {
			c.replace(s.Pos(), s.End(), "")
		}
	}
}

// returned negates a returned bool, and drops a returned error.
func (c *collector) returned(s *ast.ReturnStmt, of *ast.FuncType) {
	types := resultTypes(of)
	if len(types) == 0 || len(s.Results) == 0 {
		return
	}
	last, lastType := s.Results[len(s.Results)-1], types[len(types)-1]
	switch named, _ := lastType.(*ast.Ident); {
	case named == nil || isNil(last):
	case named.Name == "bool" && len(s.Results) == len(types):
		c.condition(last)
	case named.Name == "error" && len(s.Results) == len(types):
		c.replace(last.Pos(), last.End(), "func(error) error { return nil }("+c.text(last)+")")
	case named.Name == "error": // one call that returns them all
		var parameters, results, names []string
		for i, t := range types[:len(types)-1] {
			parameters = append(parameters, fmt.Sprintf("v%d %s", i, c.text(t)))
			results, names = append(results, c.text(t)), append(names, fmt.Sprintf("v%d", i))
		}
		c.replace(last.Pos(), last.End(), fmt.Sprintf("func(%s, _ error) (%s, error) { return %s, nil }(%s)",
			strings.Join(parameters, ", "), strings.Join(results, ", "), strings.Join(names, ", "), c.text(last)))
	}
}

// signature returns the type of the innermost function.
func signature(above []ast.Node) *ast.FuncType {
	for i := len(above) - 1; i >= 0; i-- {
		switch f := above[i].(type) {
		case *ast.FuncDecl:
			return f.Type
		case *ast.FuncLit:
			return f.Type
		}
	}
	return nil
}

// resultTypes returns one type per result.
func resultTypes(of *ast.FuncType) []ast.Expr {
	if of == nil || of.Results == nil {
		return nil
	}
	var types []ast.Expr
	for _, field := range of.Results.List {
		for range max(1, len(field.Names)) {
			types = append(types, field.Type)
		}
	}
	return types
}

func isNil(e ast.Expr) bool {
	name, isName := e.(*ast.Ident)
	return isName && name.Name == "nil"
}

func isText(e ast.Expr) bool {
	literal, isLiteral := e.(*ast.BasicLit)
	return isLiteral && literal.Kind == token.STRING
}
