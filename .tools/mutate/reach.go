package main

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// testCase is one test function, with the code that it runs.
type testCase struct {
	name    string
	took    time.Duration
	reached map[block]bool
}

// block is a part of a file that runs as a whole, from the output of go test -coverprofile.
type block struct {
	file                                 string // without the folder
	startLine, startColumn, line, column int
}

func (b block) contains(m mutant) bool {
	return b.file == path.Base(m.file) &&
		(m.line > b.startLine || m.line == b.startLine && m.column >= b.startColumn) &&
		(m.line < b.line || m.line == b.line && m.column < b.column)
}

var profileLine = regexp.MustCompile(`(?m)^.*/([^/]+\.go):(\d+)\.(\d+),(\d+)\.(\d+) \d+ (\d+)$`)

// testCases runs the tests of a package one by one. They must pass.
func (p goPackage) testCases(ctx context.Context, folder string) ([]testCase, error) {
	binary, profile := filepath.Join(folder, "cover.test"), filepath.Join(folder, "cover.out")
	_, err := output(exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-cover", "-o", binary, p.ImportPath))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(binary); err != nil { // the package has no tests
		return nil, nil
	}
	list := exec.CommandContext(ctx, binary, "-test.list", "^(Test|Fuzz|Example)")
	list.Dir = p.Dir
	names, err := output(list)
	if err != nil {
		return nil, err
	}
	var all []testCase
	for _, name := range strings.Fields(string(names)) {
		test := exec.CommandContext(ctx, binary, "-test.run", "^"+name+"$", "-test.coverprofile", profile)
		test.Dir = p.Dir
		start := time.Now()
		if _, err := output(test); err != nil {
			return nil, err
		}
		c := testCase{name, time.Since(start), map[block]bool{}}
		content, err := os.ReadFile(profile)
		if err != nil {
			return nil, err
		}
		for _, match := range profileLine.FindAllStringSubmatch(string(content), -1) {
			b := block{match[1], number(match[2]), number(match[3]), number(match[4]), number(match[5])}
			c.reached[b] = c.reached[b] || match[6] != "0"
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b testCase) int { return cmp.Compare(a.took, b.took) })
	return all, nil
}

// reaching returns the tests that run the changed code, the fastest first: all tests if it is outside functions.
func reaching(tests []testCase, m mutant) []testCase {
	return slices.DeleteFunc(slices.Clone(tests), func(c testCase) bool {
		known := false
		for b, reached := range c.reached {
			if b.contains(m) {
				if reached {
					return false
				}
				known = true
			}
		}
		return known
	})
}

// inGroups splits tests into those that take a second together, those that take three, and so on, because most mutants
// are found by any test that reaches them.
func inGroups(tests []testCase) [][]testCase {
	var groups [][]testCase
	for bound := time.Second; len(tests) > 0; bound *= 3 {
		n, sum := 1, tests[0].took
		for n < len(tests) && sum+tests[n].took <= bound {
			sum += tests[n].took
			n++
		}
		groups, tests = append(groups, tests[:n]), tests[n:]
	}
	return groups
}
