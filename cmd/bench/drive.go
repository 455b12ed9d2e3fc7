package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"healthcare/cmd/bench/internal/child"
)

// sample has the figures of one round of one scenario on one server.
type sample struct {
	PerSecond float64       `json:"requests_per_second"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	Objects   float64       `json:"allocations_per_request"`
	Bytes     float64       `json:"allocated_bytes_per_request"`
	CPU       time.Duration `json:"cpu_per_request_ns"`
	Resident  int64         `json:"resident_bytes"`
	Received  float64       `json:"response_bytes"` // the mean of the bodies
}

// drive sends a scenario's requests for the given time. Each client sends the next request after a response.
// Errors: any response that is not a success, because its time would be counted.
func (c *runningServer) drive(ctx context.Context, s scenario, clients int, length time.Duration) (sample, error) {
	before, err := c.stats(ctx)
	if err != nil {
		return sample{}, err
	}
	if s.clients > 0 {
		clients = min(clients, s.clients)
	}
	workers := uint64(clients) //nolint:gosec // not negative
	attacker := vegeta.NewAttacker(vegeta.Workers(workers), vegeta.MaxWorkers(workers), vegeta.Connections(clients),
		vegeta.KeepAlive(true), vegeta.Timeout(10*time.Second), vegeta.Redirects(vegeta.NoFollow))
	var m vegeta.Metrics
	for result := range attacker.Attack(c.actor.targeter(s), vegeta.Rate{}, length, "") {
		m.Add(result)
		if ctx.Err() != nil {
			attacker.Stop()
		}
	}
	m.Close()
	after, err := c.stats(ctx)
	if err != nil {
		return sample{}, err
	}
	if !onlySuccesses(m.StatusCodes) {
		return sample{}, fmt.Errorf(
			"%s: %s: not every response was a success: %v %s", c.name, s.name, m.StatusCodes,
			strings.Join(m.Errors, "; "),
		)
	}
	return sampleOf(m, after.Sub(before)), nil
}

// onlySuccesses reports whether all responses had a status of 2xx. A redirect is not a success. A short first round on
// a busy machine may have no responses.
func onlySuccesses(codes map[string]int) bool {
	for code := range codes {
		if !strings.HasPrefix(code, "2") {
			return false
		}
	}
	return true
}

func sampleOf(m vegeta.Metrics, used child.Stats) sample {
	n := float64(m.Requests)
	return sample{
		PerSecond: m.Throughput,
		P50:       m.Latencies.P50,
		P99:       m.Latencies.P99,
		Objects:   float64(used.Objects) / n,
		Bytes:     float64(used.Bytes) / n,
		CPU:       time.Duration(float64(used.CPU) / n),
		Resident:  used.Resident,
		Received:  m.BytesIn.Mean,
	}
}
