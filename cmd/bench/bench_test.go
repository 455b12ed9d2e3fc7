package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/databasetest"
)

// TestMain runs the bench if a test started this program as a server.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		main()
		return
	}
	os.Exit(m.Run())
}

// shortRun returns options for a run of one or two seconds, whose results are meaningless.
func shortRun(t *testing.T, engine string) options {
	o := options{
		engines: []string{
			engine,
		},
		seconds:      0.02,
		rounds:       1,
		clients:      2,
		trailClients: 2,
		rows:         2_000,
		perPerson:    1,
		sizes:        []int{1_000, 1_200},
		json:         filepath.Join(t.TempDir(), "samples.json"),
	}
	if engine == sqlite {
		return o
	}
	o.postgres = databasetest.PostgresURL(t)
	return o
}

// The references respond as the service does.
func TestServersRespondAlike(t *testing.T) {
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			o := shortRun(t, engine)
			s, done, err := o.newFilledStore(t.Context(), engine, o.rows, 1)
			require.NoError(t, err)
			defer func() { require.NoError(t, done()) }()
			all, err := s.startServers(t.Context(), withoutTrail, plainSQL, throughGORM, service)
			defer func() { require.NoError(t, stop(all)) }()
			require.NoError(t, err)
			require.NoError(t, requireSameResponses(t.Context(), scenarios, all))
		})
	}
}

// skipUnlessBench skips a test of the whole bench, which takes long.
func skipUnlessBench(t *testing.T) {
	if os.Getenv("BENCH") == "" {
		t.Skip("set BENCH=1 to run the whole bench, in a minute")
	}
}

func TestCompare(t *testing.T) {
	skipUnlessBench(t)
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			o := shortRun(t, engine)
			var out strings.Builder
			require.NoError(t, o.compare(t.Context(), &out))
			require.Contains(t, out.String(), "service with its trail / without")
			raw, err := os.ReadFile(o.json)
			require.NoError(t, err)
			var written struct{ Engines map[string]result }
			require.NoError(t, json.Unmarshal(raw, &written))
			require.Len(t, written.Engines[engine].References, len(scenarios))
			require.Len(t, written.Engines[engine].Trail, len(scenarios))
			for _, outcome := range written.Engines[engine].References {
				for _, server := range referenceServers {
					require.Len(t, outcome.Samples[server], 1, outcome.Scenario)
					require.Positive(t, outcome.Samples[server][0].PerSecond, outcome.Scenario)
				}
			}
		})
	}
}

func TestGrowth(t *testing.T) {
	skipUnlessBench(t)
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			var out strings.Builder
			require.NoError(t, shortRun(t, engine).growth(t.Context(), &out))
			for _, s := range growthScenarios {
				require.Contains(t, out.String(), s.name)
			}
			require.Contains(t, out.String(), "1200 patients: ready in ")
		})
	}
}

func TestSpread(t *testing.T) {
	o := outcome{
		Samples: map[string][]sample{
			"a": {{PerSecond: 10}, {PerSecond: 30}, {PerSecond: 20}},
			"b": {{PerSecond: 20}, {PerSecond: 20}, {PerSecond: 80}},
		},
	}
	require.Equal(t, spread{Median: 20, Min: 10, Max: 30}, o.of("a", throughput))
	require.Equal(t, spread{Median: 0.5, Min: 0.25, Max: 1.5}, o.ratio("a", "b", throughput), "round by round")
	require.Equal(t, spread{Median: 15, Min: 10, Max: 20}, spreadOf([]float64{20, 10}))
	require.Zero(t, spreadOf(nil))
}

func TestControl(t *testing.T) {
	skipUnlessBench(t)
	program, err := os.Executable()
	require.NoError(t, err)
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			o := shortRun(t, engine)
			o.before, o.names = program, []string{"read", "create"}
			var out strings.Builder
			require.NoError(t, o.control(t.Context(), &out))
			require.Contains(t, out.String(), "itself / itself")
			require.Regexp(t, `(?m)^ *create .*(met|MISSED)$`, out.String())
		})
	}
}

func TestControlAllowsItsSpread(t *testing.T) {
	samples := func(values ...float64) (all []sample) {
		for _, v := range values {
			all = append(all, sample{PerSecond: v, CPU: 1})
		}
		return all
	}
	report := func(now, was []sample, itself ...float64) string {
		var out strings.Builder
		writeControl(
			&out,
			[]outcome{
				{Scenario: "read", Samples: map[string][]sample{service: now, before: was, again: samples(itself...)}},
			},
			true,
			0.03,
		)
		return out.String()
	}
	require.Contains(t, report(samples(98, 98), samples(100, 100), 98, 98), " met")
	require.Contains(t, report(samples(96, 96), samples(100, 100), 96, 96), "MISSED")
	require.Contains(t, report(samples(96, 96), samples(100, 100), 94, 98), " met", "the control differs as much")
	require.Contains(
		t, report(samples(96, 96), samples(100, 100), 105, 110), "MISSED", "a faster control does not lower the target",
	)
}
