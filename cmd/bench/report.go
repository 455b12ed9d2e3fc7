package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// newTable returns a writer of right-aligned columns. Flush it.
func newTable(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// writeServers writes the medians of each server.
func writeServers(w io.Writer, outcomes []outcome, names []string) {
	t := newTable(w)
	fmt.Fprintln(t, "scenario\tserver\treq/s\tp50 ms\tp99 ms\tCPU µs/req\tallocs/req\tKiB/req\tMiB resident\t")
	for _, o := range outcomes {
		for _, name := range names {
			median := func(figure func(sample) float64) float64 { return o.of(name, figure).Median }
			fmt.Fprintf(
				t,
				"%s\t%s\t%.0f\t%.2f\t%.2f\t%.0f\t%.0f\t%.1f\t%.0f\t\n",
				o.Scenario,
				name,
				median(throughput),
				median(p50),
				median(p99),
				median(cpu),
				median(
					func(s sample) float64 { return s.Objects },
				),
				median(func(s sample) float64 { return s.Bytes / 1024 }),
				median(func(s sample) float64 { return float64(s.Resident) / (1 << 20) }),
			)
		}
	}
	_ = t.Flush()
}

// comparison compares the throughput of two servers.
type comparison struct {
	title string
	a, b  string
	least func(scenario) float64 // the target; 0: none
}

// write writes the ratio of each scenario, its target and whether it is met.
func (c comparison) write(w io.Writer, outcomes []outcome) {
	fmt.Fprintf(w, "\n%s\n", c.title)
	t := newTable(w)
	fmt.Fprintln(t, "scenario\trequests/s, median (min-max)\tCPU, median\ttarget\t\t")
	for _, o := range outcomes {
		ratio, least := o.ratio(c.a, c.b, throughput), c.least(named(o.Scenario))
		met := ""
		switch {
		case least == 0:
		case ratio.Median >= least:
			met = "met"
		default:
			met = "MISSED"
		}
		target := "-"
		if least > 0 {
			target = fmt.Sprintf(">= %.2f", least)
		}
		fmt.Fprintf(t, "%s\t%s\t%.2f\t%s\t%s\t\n", o.Scenario, ratio, o.ratio(c.a, c.b, cpu).Median, target, met)
	}
	_ = t.Flush()
}

// named returns the scenario with that name.
func named(name string) scenario {
	for _, s := range scenarios {
		if s.name == name {
			return s
		}
	}
	return scenario{}
}

// Targets of the service without its trail; the trail's own is half of that.
func ofGORM(scenario) float64 { return 0.9 }

const ofReads, ofWrites = 0.65, 0.85

func ofSQL(s scenario) float64 {
	switch s.kind {
	case read:
		return ofReads
	case list:
		return 0.8
	case mixed:
		return 0.9*ofReads + 0.1*ofWrites
	default:
		return ofWrites
	}
}

func ofTrail(s scenario) float64 {
	if s.kind == write || s.kind == mixed {
		return 0
	}
	return 0.5
}
