// Command mutate measures tests: it changes the code in one place at a time and reports the changes that no test finds.
//
//	go run ./.tools/mutate [flags] PACKAGE...
//	go run ./.tools/mutate ./modules/patients/internal/domain
//	go run ./.tools/mutate -also './cmd/healthcare/test/api TestSearch|TestAge' ./modules/patients/internal/app
//
// The working tree stays as it is: the compiler reads changed files from a temporary folder (-overlay). One test binary
// contains all mutants of a package, except those outside functions, and each mutant is tested by the tests that run
// its code. Mutants that do not compile do not count. Changes without an effect are listed in
// .tools/mutate/equivalent.txt, with the reason. The exit code is 1 if a package is below its target: 90 % for domain
// packages, 80 % for others.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"healthcare/platform/databasetest/cluster"
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
				o.also = append(o.also, testRun{p, pattern})
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
	if err := startPostgres(); err != nil {
		return err
	}
	defer cluster.Stop()
	below := false
	var results []result
	for _, p := range packages {
		r, err := p.measure(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", p.ImportPath, err)
		}
		results = append(results, r)
		below = below || r.score() < p.target()
	}
	print(results)
	if below {
		return errBelow
	}
	return nil
}

// startPostgres starts one server for all tests, if PostgreSQL is installed.
func startPostgres() error {
	url, err := cluster.URL()
	if errors.Is(err, cluster.ErrNotInstalled) {
		return nil
	}
	return errors.Join(err, os.Setenv("TEST_DATABASE_URL", url))
}

// goPackage is a part of the output of go list.
type goPackage struct {
	Dir, ImportPath, Name string
	GoFiles               []string
}

func list(ctx context.Context, patterns []string) ([]goPackage, error) {
	args := append([]string{"list", "-json=Dir,ImportPath,Name,GoFiles"}, patterns...)
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

// result is the outcome of the tests of a package.
type result struct {
	p     goPackage
	count map[fate]int
	took  time.Duration
}

func (r result) judged() int { return r.count[killed] + r.count[survived] }

// score returns the percentage of the judged mutants that was killed.
func (r result) score() float64 {
	if r.judged() == 0 {
		return 100
	}
	return 100 * float64(r.count[killed]) / float64(r.judged())
}

// print writes a table of the results.
func print(results []result) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "score\ttarget\tkilled\tsurvived\tequivalent\tinvalid\tout of time\ttime\t  package")
	for _, r := range results {
		fmt.Fprintf(table, "%.0f %%\t%.0f %%\t%d\t%d\t%d\t%d\t%d\t%s\t  %s\n", r.score(), r.p.target(),
			r.count[killed], r.count[survived], r.count[equivalent], r.count[invalid], r.count[skipped],
			r.took.Round(time.Second), r.p.ImportPath)
	}
	table.Flush()
}

// measure tests all mutants of a package and prints those that survive.
func (p goPackage) measure(ctx context.Context, o options) (result, error) {
	r := result{p, map[fate]int{}, 0}
	start := time.Now()
	work, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(work)
	all, err := p.mutants()
	if err != nil {
		return r, err
	}
	o.reportStale(p, all)
	mutants := map[int]mutant{} // by number
	inBodies := map[int]mutant{}
	for i, m := range sample(all, o.maximum) {
		if o.equivalent[m.key()] != "" {
			r.count[equivalent]++
			continue
		}
		mutants[i+1] = m
		if m.body != (body{}) {
			inBodies[i+1] = m
		}
	}
	j := judge{o: o, p: p, work: work}
	if j.tests, err = p.testCases(ctx, work); err != nil {
		return r, err
	}
	if j.build, err = p.newBuild(ctx, filepath.Join(work, "all"), inBodies); err != nil {
		return r, err
	}

	next := make(chan int)
	var workers sync.WaitGroup
	var mutex sync.Mutex
	for range o.processes {
		workers.Go(func() {
			for n := range next {
				f := j.fate(ctx, n, mutants[n])
				mutex.Lock()
				if r.count[f]++; f == survived {
					fmt.Println(mutants[n])
				}
				if done := r.judged() + r.count[invalid] + r.count[skipped]; done%100 == 0 {
					fmt.Fprintf(os.Stderr, "%s: %d of %d, %s\n", p.ImportPath, done, len(mutants),
						time.Since(start).Round(time.Second))
				}
				mutex.Unlock()
			}
		})
	}
	for _, n := range slices.Sorted(maps.Keys(mutants)) {
		next <- n
	}
	close(next)
	workers.Wait()
	r.took = time.Since(start)
	return r, nil
}

// reportStale prints the listed equivalents of the package that no longer exist.
func (o options) reportStale(p goPackage, all []mutant) {
	keys := map[string]bool{}
	for _, m := range all {
		keys[m.key()] = true
	}
	for key := range o.equivalent {
		file, _, _ := strings.Cut(key, ":")
		if strings.HasSuffix(p.ImportPath, "/"+path.Dir(file)) && !keys[key] {
			fmt.Printf("%s has an unknown change: %s\n", equivalentPath, key)
		}
	}
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
		file, err := filepath.Rel(top, filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found, err := mutantsOf(filepath.ToSlash(file), source)
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

// judge runs the tests against mutants of a package.
type judge struct {
	o     options
	p     goPackage
	work  string
	tests []testCase
	build *build // of all mutants in functions
}

func (j *judge) fate(ctx context.Context, n int, m mutant) fate {
	b := j.build
	if m.body == (body{}) { // compiled alone
		var err error
		b, err = newOverlay(filepath.Join(j.work, strconv.Itoa(n)), m)
		if err != nil {
			return skipped
		}
		defer os.RemoveAll(b.folder)
	} else if !b.valid[n] {
		return invalid
	}
	tests := reaching(j.tests, m)
	if len(tests) > 0 {
		binary, err := b.compile(ctx, j.p)
		if err != nil {
			return cmp.Or(stopped(ctx), invalid)
		}
		for _, group := range inGroups(tests) {
			names, limit := make([]string, len(group)), 10*time.Second
			for i, c := range group {
				names[i] = c.name
				limit += 3 * c.took
			}
			pattern := "^(" + strings.Join(names, "|") + ")$"
			if f := against(ctx, binary, j.p.Dir, n, pattern, limit); f != survived {
				return f
			}
		}
	}
	for _, t := range j.o.also {
		binary, err := b.compile(ctx, t.goPackage)
		if err != nil {
			return cmp.Or(stopped(ctx), invalid)
		}
		if f := against(ctx, binary, t.Dir, n, t.pattern, 5*time.Minute); f != survived {
			return f
		}
	}
	return cmp.Or(stopped(ctx), survived)
}

// testRun is a package whose tests, or those that match a pattern, run against mutants.
type testRun struct {
	goPackage
	pattern string
}

// against runs the tests that match pattern against the mutant with that number.
func against(ctx context.Context, binary, folder string, number int, pattern string, limit time.Duration) fate {
	ctxTest, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	test := exec.CommandContext(ctxTest, binary, "-test.failfast", "-test.run", pattern,
		"-test.timeout", limit.String())
	test.Dir = folder
	test.Env = append(os.Environ(), numberVariable+"="+strconv.Itoa(number))
	test.WaitDelay = 10 * time.Second
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
