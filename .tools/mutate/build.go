package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// numberVariable selects a mutant of a test binary that contains many.
const numberVariable = "MUTANT"

// selector is the file that each instrumented package gets: number is 0 in the original program.
const selector = `package %s

import (
	mutantOS "os"
	mutantText "strconv"
)

var mutantNumber, _ = mutantText.Atoi(mutantOS.Getenv("` + numberVariable + `"))
`

// build compiles a package with several mutants, as copies of the bodies of their functions, or with one.
type build struct {
	folder   string
	valid    map[int]bool // the numbers of the mutants that compile
	mutex    sync.Mutex
	binaries map[string]string // test binaries by package
}

// lines is the part of an instrumented file that belongs to a mutant.
type lines struct{ number, first, last int }

// instrument returns the source of a file with a copy of a function's body for each mutant in it, and the lines of each
// copy. The keys are the mutants' numbers.
func instrument(mutants map[int]mutant) (string, []lines) {
	numbers := slices.SortedFunc(maps.Keys(mutants), func(a, b int) int {
		return cmp.Or(cmp.Compare(mutants[a].body.start, mutants[b].body.start), cmp.Compare(a, b))
	})
	var text strings.Builder
	var all []lines
	source, line, written := mutants[numbers[0]].source, 1, 0
	write := func(part string) {
		text.WriteString(part)
		line += strings.Count(part, "\n")
	}
	for i, n := range numbers {
		m := mutants[n]
		first := i == 0 || mutants[numbers[i-1]].body != m.body
		last := i == len(numbers)-1 || mutants[numbers[i+1]].body != m.body
		if first {
			write(source[written:m.body.start] + "\nswitch mutantNumber {")
			written = m.body.start
		}
		write(fmt.Sprintf("\ncase %d:\n", n))
		start := line
		write(source[m.body.start:m.start] + m.replacement + source[m.end:m.body.end])
		all = append(all, lines{n, start, line})
		if m.body.results {
			write("\npanic(0)") // not reached: the body ends with a return
		} else {
			write("\nreturn")
		}
		if last {
			write("\n}\n")
		}
	}
	write(source[written:])
	return text.String(), all
}

var position = regexp.MustCompile(`([^/\s:]+\.go):(\d+):\d+: `)

// newBuild writes the instrumented files to a folder and compiles the tests of p with them, without the mutants that do
// not compile.
func (p goPackage) newBuild(ctx context.Context, folder string, mutants map[int]mutant) (*build, error) {
	b := &build{folder: folder, valid: map[int]bool{}, binaries: map[string]string{}}
	for n := range mutants {
		b.valid[n] = true
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	for {
		copies, err := b.write(p, mutants)
		if err != nil {
			return nil, err
		}
		_, err = output(exec.CommandContext(ctx, "go", "build", "-overlay", b.overlay(), "-gcflags=-e", p.ImportPath))
		if err == nil {
			return b, nil
		}
		before := len(b.valid)
		for _, match := range position.FindAllStringSubmatch(err.Error(), -1) {
			for _, c := range copies[match[1]] {
				if at := number(match[2]); c.first <= at && at <= c.last {
					delete(b.valid, c.number)
				}
			}
		}
		if len(b.valid) == before {
			return nil, err
		}
	}
}

// newOverlay writes one mutant to a folder.
func newOverlay(folder string, m mutant) (*build, error) {
	path, err := filepath.Abs(m.file)
	if err != nil {
		return nil, err
	}
	b := &build{folder: folder, binaries: map[string]string{}}
	return b, errors.Join(os.Mkdir(folder, 0o700), b.replace(map[string]string{path: string(m.mutated())}))
}

// write writes the instrumented files and returns the lines of the copies by file name.
func (b *build) write(p goPackage, mutants map[int]mutant) (map[string][]lines, error) {
	byFile := map[string]map[int]mutant{}
	for n, m := range mutants {
		if b.valid[n] {
			if byFile[m.file] == nil {
				byFile[m.file] = map[int]mutant{}
			}
			byFile[m.file][n] = m
		}
	}
	changed := map[string]string{filepath.Join(p.Dir, "mutant_number.go"): fmt.Sprintf(selector, p.Name)}
	copies := map[string][]lines{}
	for file, inFile := range byFile {
		path, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		changed[path], copies[filepath.Base(file)] = instrument(inFile)
	}
	return copies, b.replace(changed)
}

func (b *build) overlay() string { return filepath.Join(b.folder, "overlay.json") }

// replace writes files for the compiler, which reads them instead of those in the working tree.
func (b *build) replace(changed map[string]string) error {
	replaced := map[string]string{}
	for path, text := range changed {
		replaced[path] = filepath.Join(b.folder, filepath.Base(path))
		if err := os.WriteFile(replaced[path], []byte(text), 0o600); err != nil {
			return err
		}
	}
	content, err := json.Marshal(map[string]map[string]string{"Replace": replaced})
	return errors.Join(err, os.WriteFile(b.overlay(), content, 0o600))
}

// compile returns the test binary of a package, which may be another than the one with the mutants.
func (b *build) compile(ctx context.Context, p goPackage) (string, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.binaries[p.ImportPath] != "" {
		return b.binaries[p.ImportPath], nil
	}
	binary := filepath.Join(b.folder, strings.ReplaceAll(p.ImportPath, "/", "_")+".test")
	_, err := output(exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-p", "1", "-overlay", b.overlay(),
		"-o", binary, p.ImportPath))
	if err == nil {
		b.binaries[p.ImportPath] = binary
	}
	return binary, err
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits) // a regular expression admits digits only
	return n
}
