package main

import (
	"go/parser"
	"go/token"
	"slices"
	"testing"
)

const example = `package p

func f(n int, s string) (ok bool, err error) {
	for range n {
		if s == "" {
			continue
		}
		n++
	}
	if err := g(n < 2 && !h(s)); err != nil {
		return false, err
	}
	n = 3 + len("a" + s)
	switch {
	case h(s):
		g(true)
	}
	return k(s)
}
`

func TestMutants(t *testing.T) {
	found, err := mutantsOf("p.go", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	var changes []string
	for _, m := range found {
		changes = append(changes, m.change)
		if _, err := parser.ParseFile(token.NewFileSet(), "", m.mutated(), 0); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
	for _, want := range []string{
		`if s == "" { => if s != "" {`,
		`continue => break`,
		`n++ => n--`,
		`if err := g(n < 2 && !h(s)); err != nil { => if err := g(n <= 2 && !h(s)); err != nil {`,
		`if err := g(n < 2 && !h(s)); err != nil { => if err := g(n < 3 && !h(s)); err != nil {`,
		`if err := g(n < 2 && !h(s)); err != nil { => if err := g(n < 2 || !h(s)); err != nil {`,
		`if err := g(n < 2 && !h(s)); err != nil { => if err := g(n < 2 && h(s)); err != nil {`,
		`if err := g(n < 2 && !h(s)); err != nil { => if err := g(n < 2 && !h(s)); (err != nil && false) {`,
		`return false, err => return true, err`,
		`return false, err => return false, func(error) error { return nil }(err)`,
		`n = 3 + len("a" + s) => n = 3 - len("a" + s)`,
		`n = 3 + len("a" + s) => (removed)`,
		`case h(s): => case !h(s):`,
		`g(true) => (removed)`,
		`return k(s) => return func(v0 bool, _ error) (bool, error) { return v0, nil }(k(s))`,
	} {
		if !slices.Contains(changes, want) {
			t.Errorf("missing: %s", want)
		}
	}
	if slices.Contains(changes, `n = 3 + len("a" + s) => n = 3 + len("a" - s)`) {
		t.Error("subtracts text")
	}
}
