package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
)

const controlHelp = `Measure this program against another build of it, and against itself.

The control is the same program twice, driven in turn. The difference between the two is noise of the
machine, and smaller differences are not significant. With --before, an older build of this command
runs between the two, on the same rows:

  git worktree add ../before REVISION && (cd ../before && go build -o /tmp/bench-before ./cmd/bench)
  bench control --before /tmp/bench-before

A scenario is "met" if its median of requests per second is at most --beyond below the minimum of the
control's rounds. The ratio of processor time is printed next to it; it has less noise.`

// The servers of a control.
const (
	again  = "service-again"
	before = "service-before"
)

// control runs the command.
func (o options) control(ctx context.Context, w io.Writer) error {
	c, err := o.runPlan(scenarios)
	if err != nil {
		return err
	}
	kinds := []string{service, again}
	if o.before != "" {
		kinds = []string{service, before, again}
	}
	results := map[string][]outcome{}
	for _, engine := range o.engines {
		outcomes, err := o.controlOn(ctx, engine, c, kinds)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		results[engine] = outcomes
		fmt.Fprintf(
			w, "\n== %s: %d patients, %d rounds of %s, %d clients, %d cores, %s\n\n", engine,
			o.rows, c.rounds, c.length, c.clients, runtime.NumCPU(), runtime.Version(),
		)
		writeServers(w, outcomes, kinds)
		fmt.Fprintln(w)
		writeControl(w, outcomes, o.before != "", o.beyond)
	}
	return o.writeSamples(results)
}

func (o options) controlOn(
	ctx context.Context, engine string, c runPlan, kinds []string,
) (outcomes []outcome, err error) {
	s, done, err := o.newFilledStore(ctx, engine, o.rows, 10)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	s.before = o.before
	all, err := s.startServers(ctx, kinds...)
	defer func() { err = errors.Join(err, stop(all)) }()
	if err != nil {
		return nil, err
	}
	return c.run(ctx, engine+", the control", all)
}

// writeControl writes the control's spread and the comparison with the older build.
func writeControl(w io.Writer, outcomes []outcome, compared bool, beyond float64) {
	t := newTable(w)
	fmt.Fprintln(t, "scenario\tcontrol: itself / itself\tCPU\tnow / before\tCPU\tat least\t\t")
	for _, o := range outcomes {
		control := o.ratio(again, service, throughput)
		fmt.Fprintf(t, "%s\t%s\t%.2f\t", o.Scenario, control, o.ratio(again, service, cpu).Median)
		if !compared {
			fmt.Fprintln(t, "-\t-\t-\t\t")
			continue
		}
		ratio, least, met := o.ratio(service, before, throughput), floor(control, beyond), "met"
		if ratio.Median < least {
			met = "MISSED"
		}
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%s\t\n", ratio, o.ratio(service, before, cpu).Median, least, met)
	}
	_ = t.Flush()
}

// floor returns the lowest ratio that the control's spread and beyond allow. A control above 1 does not raise it.
func floor(control spread, beyond float64) float64 { return min(1, control.Min) - beyond }
