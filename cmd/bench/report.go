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

// column is one figure of a server.
type column struct {
	title  string
	format string
	figure func(sample) float64
}

// The columns of every table of servers, and those of processes whose resources are known.
var (
	timeColumns = []column{{"req/s", "%.0f", throughput}, {"p50 ms", "%.2f", p50}, {"p99 ms", "%.2f", p99}}
	cpuColumn   = column{"CPU µs/req", "%.0f", cpu}
	heapColumns = []column{
		{"allocs/req", "%.0f", func(s sample) float64 { return s.Objects }},
		{"KiB/req", "%.1f", func(s sample) float64 { return s.Bytes / 1024 }},
	}
	residentColumn = column{"MiB resident", "%.0f", func(s sample) float64 { return float64(s.Resident) / (1 << 20) }}
	receivedColumn = column{"bytes/response", "%.0f", func(s sample) float64 { return s.Received }}
)

// writeServers writes the medians of servers that this command started.
func writeServers(w io.Writer, outcomes []outcome, names []string) {
	writeColumns(w, outcomes, names, joined(timeColumns, []column{cpuColumn}, heapColumns, []column{residentColumn}))
}

func joined(groups ...[]column) (all []column) {
	for _, group := range groups {
		all = append(all, group...)
	}
	return all
}

// writeColumns writes the medians of each server.
func writeColumns(w io.Writer, outcomes []outcome, names []string, columns []column) {
	t := newTable(w)
	fmt.Fprint(t, "scenario\tserver\t")
	for _, c := range columns {
		fmt.Fprintf(t, "%s\t", c.title)
	}
	fmt.Fprintln(t)
	for _, o := range outcomes {
		for _, name := range names {
			fmt.Fprintf(t, "%s\t%s\t", o.Scenario, name)
			for _, c := range columns {
				fmt.Fprintf(t, c.format+"\t", o.of(name, c.figure).Median)
			}
			fmt.Fprintln(t)
		}
	}
	_ = t.Flush()
}

// comparison compares the throughput of two servers.
type comparison struct {
	title string
	a, b  string
	least map[string]float64 // the target of a scenario; missing: none
}

// write writes the ratio of each scenario, its target and whether it is met.
func (c comparison) write(w io.Writer, outcomes []outcome, withCPU bool) {
	fmt.Fprintf(w, "\n%s\n", c.title)
	t := newTable(w)
	fmt.Fprint(t, "scenario\trequests/s, median (min-max)\t")
	if withCPU {
		fmt.Fprint(t, "CPU, median\t")
	}
	if c.least != nil {
		fmt.Fprint(t, "target\t\t")
	}
	fmt.Fprintln(t)
	for _, o := range outcomes {
		ratio := o.ratio(c.a, c.b, throughput)
		fmt.Fprintf(t, "%s\t%s\t", o.Scenario, ratio)
		if withCPU {
			fmt.Fprintf(t, "%.2f\t", o.ratio(c.a, c.b, cpu).Median)
		}
		if least, found := c.least[o.Scenario]; found {
			fmt.Fprintf(t, ">= %.2f\t%s\t", least, verdict(ratio, least, o.ratio(again, service, throughput)))
		} else if c.least != nil {
			fmt.Fprint(t, "-\t\t")
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush()
}

// verdict compares a median with its target. A target that is missed by no more than the control's rounds differ is
// neither met nor missed.
func verdict(ratio spread, least float64, control spread) string {
	switch {
	case ratio.Median >= least:
		return "met"
	case ratio.Median >= least*min(1, control.Min):
		return "unclear"
	default:
		return "MISSED"
	}
}

// trailTargets returns the targets of the service relative to the service without its trail.
func trailTargets(engine string) map[string]float64 {
	if engine == postgres {
		return map[string]float64{"read": 0.8, "list": 0.85, "create": 0.8}
	}
	return map[string]float64{"read": 0.75, "list": 0.8, "create": 0.9}
}

// referenceTargets returns the targets of the service relative to reference-sql, which are those of pgx.
func referenceTargets(engine string) map[string]float64 {
	if engine == postgres {
		return map[string]float64{"read": 0.65, "list": 0.95, "create": 0.7}
	}
	return nil
}
