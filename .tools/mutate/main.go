// Command mutate measures tests: it changes the code in one place at a time and reports the changes that no test finds.
//
//	go run ./.tools/mutate [flags] PACKAGE...
//	go run ./.tools/mutate ./modules/patients/internal/domain
//	go run ./.tools/mutate -also './cmd/healthcare/test/api TestSearch|TestAge' ./modules/patients/internal/app
//
// The working tree stays as it is: the compiler reads the changed file from a temporary folder (-overlay). Mutants that
// do not compile do not count. Changes without an effect are listed in .tools/mutate/equivalent.txt, with the reason.
// The exit code is 1 if a package is below its target: 90 % for domain packages, 80 % for others.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

const equivalentPath = ".tools/mutate/equivalent.txt"

// errBelow reports that the tests of a package find too few mutants.
var errBelow = errors.New("below the target")

type options struct {
	also       []testRun // further tests, for mutants that the package's own do not find
	limit      time.Duration
	processes  int
	maximum    int
	equivalent map[string]string // key -> reason
}

// fate is the outcome of the tests of a mutant.
type fate string

const (
	killed     fate = "killed"
	survived   fate = "survived"
	invalid    fate = "does not compile"
	equivalent fate = "equivalent"
	skipped    fate = "out of time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o := options{}
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "Usage: mutate [flags] PACKAGE...\n\nReports the changes that no test finds.")
		flags.PrintDefaults()
	}
	flags.Func("also", "further tests for mutants that survive, as 'PACKAGE REGEXP'; repeatable",
		func(value string) error {
			name, pattern, _ := strings.Cut(value, " ")
			packages, err := list(ctx, []string{name})
			for _, p := range packages {
				o.also = append(o.also, testRun{p, pattern, 5 * time.Minute})
			}
			return err
		})
	flags.DurationVar(&o.limit, "limit", 30*time.Minute, "time for everything; the mutants that remain are not counted")
	flags.IntVar(&o.processes, "processes", max(1, runtime.NumCPU()/2), "number of mutants tested at the same time")
	flags.IntVar(&o.maximum, "mutants", 0, "largest number of mutants per package, spread evenly; 0 means all")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return errors.New("no package")
	}
	var err error
	if o.equivalent, err = readEquivalent(); err != nil {
		return err
	}
	packages, err := list(ctx, flags.Args())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	below := false
	for _, p := range packages {
		score, err := p.measure(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", p.ImportPath, err)
		}
		below = below || score < p.target()
	}
	if below {
		return errBelow
	}
	return nil
}

// goPackage is a part of the output of go list.
type goPackage struct {
	Dir, ImportPath string
	GoFiles         []string
}

func list(ctx context.Context, patterns []string) ([]goPackage, error) {
	args := append([]string{"list", "-json=Dir,ImportPath,GoFiles"}, patterns...)
	out, err := output(exec.CommandContext(ctx, "go", args...))
	if err != nil {
		return nil, err
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var p goPackage
		if err := decoder.Decode(&p); err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
	return packages, nil
}

func (p goPackage) target() float64 {
	if strings.HasSuffix(p.ImportPath, "/domain") {
		return 90
	}
	return 80
}

// measure tests all mutants of a package, prints those that survive, and returns the percentage that was killed.
func (p goPackage) measure(ctx context.Context, o options) (float64, error) {
	work, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)

	// The tests must pass, and their time bounds that of each mutant.
	start := time.Now()
	if _, err := output(exec.CommandContext(ctx, "go", "test", "-vet=off", "-count=1", p.ImportPath)); err != nil {
		return 0, err
	}
	tests := append([]testRun{{p, "", 3*time.Since(start) + 10*time.Second}}, o.also...)
	mutants, err := p.mutants()
	if err != nil {
		return 0, err
	}
	mutants = sample(mutants, o.maximum)

	fates := make([]fate, len(mutants))
	next := make(chan int)
	var workers sync.WaitGroup
	for range o.processes {
		workers.Go(func() {
			for i := range next {
				if fates[i] = equivalent; o.equivalent[mutants[i].key()] == "" {
					fates[i] = judge(ctx, filepath.Join(work, fmt.Sprint(i)), mutants[i], tests)
				}
				if fates[i] == survived {
					fmt.Println(mutants[i])
				}
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	workers.Wait()

	count := map[fate]int{}
	for _, f := range fates {
		count[f]++
	}
	score := 100.0
	if counted := count[killed] + count[survived]; counted > 0 {
		score = 100 * float64(count[killed]) / float64(counted)
	}
	fmt.Printf("%s: %.0f %% (target %.0f %%): %d killed, %d survived, %d equivalent, "+
		"%d do not compile, %d out of time; %s\n", p.ImportPath, score, p.target(), count[killed], count[survived],
		count[equivalent], count[invalid], count[skipped], time.Since(start).Round(time.Second))
	return score, nil
}

func (p goPackage) mutants() ([]mutant, error) {
	top, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, name := range p.GoFiles {
		if strings.HasSuffix(name, ".gen.go") {
			continue
		}
		path, err := filepath.Rel(top, filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		found, err := mutantsOf(filepath.ToSlash(path), source)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// sample returns at most n mutants, spread evenly; 0 means all.
func sample(all []mutant, n int) []mutant {
	if n <= 0 || len(all) <= n {
		return all
	}
	chosen := make([]mutant, n)
	for i := range chosen {
		chosen[i] = all[i*len(all)/n]
	}
	return chosen
}

// judge returns the fate of one mutant.
func judge(ctx context.Context, work string, m mutant, tests []testRun) fate {
	defer os.RemoveAll(work)
	overlay, err := writeOverlay(work, m)
	if err != nil {
		return skipped
	}
	for _, t := range tests {
		if result := t.against(ctx, filepath.Join(work, "test"), overlay); result != survived {
			return result
		}
	}
	return survived
}

// testRun is a package whose tests, or those that match a pattern, run against mutants.
type testRun struct {
	goPackage
	pattern string
	limit   time.Duration
}

func (t testRun) against(ctx context.Context, binary, overlay string) fate {
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-p", "1", "-overlay", overlay, "-o", binary,
		t.ImportPath)
	if err := build.Run(); err != nil {
		return cmp.Or(stopped(ctx), invalid)
	}
	ctxTest, cancel := context.WithTimeout(ctx, t.limit+10*time.Second)
	defer cancel()
	test := exec.CommandContext(ctxTest, binary, "-test.failfast", "-test.run", t.pattern,
		"-test.timeout", t.limit.String())
	test.Dir = t.Dir
	if err := test.Run(); err != nil {
		return cmp.Or(stopped(ctx), killed)
	}
	return cmp.Or(stopped(ctx), survived)
}

// stopped returns skipped once the time is over, when a failure proves nothing.
func stopped(ctx context.Context) fate {
	if ctx.Err() != nil {
		return skipped
	}
	return ""
}

// writeOverlay writes the mutant and the file that makes the compiler read it; it returns that file's path.
func writeOverlay(work string, m mutant) (string, error) {
	original, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	changed, overlay := filepath.Join(work, "mutant.go"), filepath.Join(work, "overlay.json")
	content, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	return overlay, errors.Join(err, os.MkdirAll(work, 0o700), os.WriteFile(changed, m.mutated(), 0o600),
		os.WriteFile(overlay, content, 0o600))
}

// readEquivalent reads lines of the form "file: before => after # reason".
func readEquivalent() (map[string]string, error) {
	content, err := os.ReadFile(equivalentPath)
	if err != nil {
		return nil, fmt.Errorf("%w (run this in the top folder of the repository)", err)
	}
	reasons := map[string]string{}
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, " # ")
		if at < 0 {
			return nil, fmt.Errorf("%s: %q has no reason", equivalentPath, line)
		}
		reasons[line[:at]] = line[at+3:]
	}
	return reasons, nil
}

// output runs a command and returns its standard output; its error includes everything that the command printed.
func output(command *exec.Cmd) ([]byte, error) {
	var out, all bytes.Buffer
	command.Stdout, command.Stderr = &out, &all
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", strings.Join(command.Args, " "), err, out.Bytes(), all.Bytes())
	}
	return out.Bytes(), nil
}
