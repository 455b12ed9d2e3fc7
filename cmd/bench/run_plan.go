package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// runPlan has the scenarios, the number of clients and the duration.
type runPlan struct {
	scenarios []scenario
	clients   int
	rounds    int
	length    time.Duration // of one round of one server
	logf      func(format string, args ...any)
}

// outcome has the samples of one scenario: one per round, by server.
type outcome struct {
	Scenario string              `json:"scenario"`
	Samples  map[string][]sample `json:"samples"`
}

// run drives the servers in turn, A B C A B C, so that noise affects all of them. The first round fills caches, opens
// connections and prepares statements, and is not counted.
func (c runPlan) run(ctx context.Context, label string, all []*runningServer) ([]outcome, error) {
	var outcomes []outcome
	for _, s := range c.scenarios {
		o := outcome{Scenario: s.name, Samples: map[string][]sample{}}
		for round := range c.rounds + 1 {
			length := c.length
			if round == 0 {
				length /= 4
			}
			for _, one := range all {
				got, err := one.drive(ctx, s, c.clients, length)
				if err != nil {
					return outcomes, err
				}
				if round > 0 {
					o.Samples[one.name] = append(o.Samples[one.name], got)
				}
			}
			c.logf("%s: %s, round %d of %d", label, s.name, round, c.rounds)
		}
		outcomes = append(outcomes, o)
		if err := ctx.Err(); err != nil {
			return outcomes, err
		}
	}
	return outcomes, nil
}

// spread is a median with the minimum and the maximum.
type spread struct{ Median, Min, Max float64 }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return spread{}
	}
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return spread{median, sorted[0], sorted[len(sorted)-1]}
}

// of returns the spread of one figure over a server's rounds.
func (o outcome) of(name string, figure func(sample) float64) spread {
	var values []float64
	for _, s := range o.Samples[name] {
		values = append(values, figure(s))
	}
	return spreadOf(values)
}

// ratio returns the spread of figure(a)/figure(b) per round: two servers of one round met the same noise.
func (o outcome) ratio(a, b string, figure func(sample) float64) spread {
	var values []float64
	for i := range min(len(o.Samples[a]), len(o.Samples[b])) {
		values = append(values, figure(o.Samples[a][i])/figure(o.Samples[b][i]))
	}
	return spreadOf(values)
}

func throughput(s sample) float64 { return s.PerSecond }
func p50(s sample) float64        { return float64(s.P50) / float64(time.Millisecond) }
func p99(s sample) float64        { return float64(s.P99) / float64(time.Millisecond) }
func cpu(s sample) float64        { return float64(s.CPU) / float64(time.Microsecond) }

// String returns the median and, in parentheses, the minimum and the maximum.
func (s spread) String() string { return fmt.Sprintf("%.2f (%.2f-%.2f)", s.Median, s.Min, s.Max) }
