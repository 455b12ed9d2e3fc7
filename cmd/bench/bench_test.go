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

// TestMain is the bench itself where a test starts servers: they are children of the same program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		main()
		return
	}
	os.Exit(m.Run())
}

// brief is a run that takes a second or two and measures nothing that means anything.
func brief(t *testing.T, engine string) options {
	o := options{
		engines: []string{engine}, seconds: 0.02, rounds: 1, clients: 2, trailClients: 2, rows: 2_000, perPerson: 1, sizes: []int{1_000, 1_200},
		json: filepath.Join(t.TempDir(), "samples.json"),
	}
	if engine == sqlite {
		return o
	}
	o.postgres = databasetest.PostgresURL(t)
	return o
}

// TestTheServersAnswerAlike holds the references to what the service answers, without measuring anything.
func TestTheServersAnswerAlike(t *testing.T) {
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			o := brief(t, engine)
			s, done, err := o.filled(t.Context(), engine, o.rows, 1)
			require.NoError(t, err)
			defer func() { require.NoError(t, done()) }()
			all, err := s.compete(t.Context(), withoutTrail, plainSQL, throughGORM, service)
			defer func() { require.NoError(t, stop(all)) }()
			require.NoError(t, err)
			require.NoError(t, alike(t.Context(), scenarios, all))
		})
	}
}

// slow is about tests that run the whole bench, which takes long where others work too.
func slow(t *testing.T) {
	if os.Getenv("BENCH") == "" {
		t.Skip("the bench as a whole is not run: BENCH=1 go test ./cmd/bench does, in a minute")
	}
}

func TestCompare(t *testing.T) {
	slow(t)
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			o := brief(t, engine)
			var said strings.Builder
			require.NoError(t, o.compare(t.Context(), &said))
			require.Contains(t, said.String(), "service with its trail / without")
			raw, err := os.ReadFile(o.json)
			require.NoError(t, err)
			var kept struct{ Engines map[string]result }
			require.NoError(t, json.Unmarshal(raw, &kept))
			require.Len(t, kept.Engines[engine].References, len(scenarios))
			require.Len(t, kept.Engines[engine].Trail, len(scenarios))
			for _, outcome := range kept.Engines[engine].References {
				for _, server := range held {
					require.Len(t, outcome.Samples[server], 1, outcome.Scenario)
					require.Positive(t, outcome.Samples[server][0].PerSecond, outcome.Scenario)
				}
			}
		})
	}
}

func TestGrowth(t *testing.T) {
	slow(t)
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			var said strings.Builder
			require.NoError(t, brief(t, engine).growth(t.Context(), &said))
			for _, s := range growing {
				require.Contains(t, said.String(), s.name)
			}
			require.Contains(t, said.String(), "1200 patients: ready in ")
		})
	}
}

func TestSpread(t *testing.T) {
	o := outcome{Samples: map[string][]sample{"a": {{PerSecond: 10}, {PerSecond: 30}, {PerSecond: 20}}, "b": {{PerSecond: 20}, {PerSecond: 20}, {PerSecond: 80}}}}
	require.Equal(t, spread{Median: 20, Min: 10, Max: 30}, o.of("a", throughput))
	require.Equal(t, spread{Median: 0.5, Min: 0.25, Max: 1.5}, o.ratio("a", "b", throughput), "round by round")
	require.Equal(t, spread{Median: 15, Min: 10, Max: 20}, spreadOf([]float64{20, 10}))
	require.Zero(t, spreadOf(nil))
}

func TestControl(t *testing.T) {
	slow(t)
	program, err := os.Executable()
	require.NoError(t, err)
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			o := brief(t, engine)
			o.before, o.names = program, []string{"read", "create"}
			var said strings.Builder
			require.NoError(t, o.control(t.Context(), &said))
			require.Contains(t, said.String(), "itself / itself")
			require.Regexp(t, `(?m)^ *create .*(met|MISSED)$`, said.String())
		})
	}
}

func TestTheControlExcusesItsSpread(t *testing.T) {
	samples := func(values ...float64) (all []sample) {
		for _, v := range values {
			all = append(all, sample{PerSecond: v, CPU: 1})
		}
		return all
	}
	told := func(now, was []sample, itself ...float64) string {
		var said strings.Builder
		writeControl(
			&said,
			[]outcome{{Scenario: "read", Samples: map[string][]sample{service: now, before: was, again: samples(itself...)}}},
			true,
			0.03,
		)
		return said.String()
	}
	require.Contains(t, told(samples(98, 98), samples(100, 100), 98, 98), " met")
	require.Contains(t, told(samples(96, 96), samples(100, 100), 96, 96), "MISSED")
	require.Contains(t, told(samples(96, 96), samples(100, 100), 94, 98), " met", "the control differs as much")
	require.Contains(t, told(samples(96, 96), samples(100, 100), 105, 110), "MISSED", "a faster control excuses nothing")
}
