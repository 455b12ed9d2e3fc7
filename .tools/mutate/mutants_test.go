package main

import (
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"
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

func TestInstrument(t *testing.T) {
	found, err := mutantsOf("p.go", []byte(example+"\nvar number = 7\n"))
	if err != nil {
		t.Fatal(err)
	}
	inBodies := map[int]mutant{}
	for i, m := range found {
		if m.body != (body{}) {
			inBodies[i+1] = m
		}
	}
	if len(inBodies) != len(found)-1 {
		t.Errorf("%d of %d mutants are in functions", len(inBodies), len(found))
	}
	text, copies := instrument(inBodies)
	if _, err := parser.ParseFile(token.NewFileSet(), "", text, 0); err != nil {
		t.Error(err)
	}
	all := strings.Split(text, "\n")
	for _, c := range copies {
		m := inBodies[c.number]
		want := m.source[m.body.start:m.start] + m.replacement + m.source[m.end:m.body.end]
		if got := strings.Join(all[c.first-1:c.last], "\n"); got != want {
			t.Errorf("lines of %s:\n%s", m, got)
		}
	}
}

func TestReaching(t *testing.T) {
	first, second := block{"p.go", 3, 40, 5, 2}, block{"p.go", 5, 2, 9, 1}
	tests := []testCase{
		{"A", time.Second, map[block]bool{first: true, second: false}},
		{"B", time.Second, map[block]bool{first: true, second: true}},
	}
	for _, c := range []struct {
		line, column int
		want         string
	}{{3, 40, "AB"}, {5, 1, "AB"}, {5, 2, "B"}, {8, 99, "B"}, {9, 1, "AB"}} {
		names := ""
		for _, reached := range reaching(tests, mutant{file: "folder/p.go", line: c.line, column: c.column}) {
			names += reached.name
		}
		if names != c.want {
			t.Errorf("%d:%d is reached by %q", c.line, c.column, names)
		}
	}
}
