package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/database"
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
		seconds:   0.02,
		rounds:    1,
		clients:   2,
		rows:      2_000,
		perPerson: 1,
		sizes:     []int{1_000, 1_200},
		json:      filepath.Join(t.TempDir(), "samples.json"),
	}
	if engine == sqlite {
		return o
	}
	o.postgres = databasetest.PostgresURL(t)
	return o
}

// The references respond as the service does, also after a migration that they do not know.
func TestServersRespondAlike(t *testing.T) {
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			o := shortRun(t, engine)
			s, done, err := o.newFilledStore(t.Context(), engine, o.rows, 1)
			require.NoError(t, err)
			defer func() { require.NoError(t, done()) }()
			s.addColumns(t, "users", "sessions", "patients", "doctors", "assignments")
			all, err := s.startServers(t.Context(), compared...)
			defer func() { require.NoError(t, stop(all)) }()
			require.NoError(t, err)
			omitted, err := requireSameResponses(t.Context(), scenarios, all)
			require.NoError(t, err)
			require.Empty(t, omitted)
		})
	}
}

// addColumns adds a column to each table, as a migration of a field does.
func (s *store) addColumns(t *testing.T, tables ...string) {
	t.Helper()
	db, err := database.Open(database.Config{
		URL: s.url, Path: s.path, PoolSize: 1, ConnectTimeout: time.Minute, LockTimeout: time.Minute,
		StatementTimeout: time.Minute, IdleInTxTimeout: time.Minute,
	}, zap.NewNop())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Connect(t.Context()))
	for _, table := range tables {
		add := "ALTER TABLE " + table + " ADD COLUMN later text NOT NULL DEFAULT ''"
		require.NoError(t, db.Write(t.Context()).Exec(add).Error)
	}
}

func TestBodiesAreComparedByMembers(t *testing.T) {
	compare := func(write bool, first, second string) (omitted map[string]bool, err error) {
		omitted = map[string]bool{}
		return omitted, comparer{write, omitted}.compareBodies([]byte(first), []byte(second))
	}
	omitted, err := compare(false, `[{"a":1,"b":{"c":"x","d":null}}]`, `[{"b":{"c":"x"},"a":1}]`)
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"b/d": true}, omitted)
	for _, second := range []string{
		`[{"a":2}]`, `[{"a":"1"}]`, `[{"a":null}]`, `[{"a":1.0}]`, `[{"a":1,"e":1}]`, `[]`, `[{"a":1},{"a":1}]`,
		`{"a":1}`, `[{"b":{"c":"y"}}]`, `[{"b":"x"}]`, `[[]]`, `[`,
	} {
		_, err := compare(false, `[{"a":1,"b":{"c":"x"}}]`, second)
		require.Error(t, err, second)
	}
	_, err = compare(true, `{"age":20,"notes":"Seen 1 times.","refresh":"aXb"}`,
		`{"age":31,"notes":"Seen 2 times.","refresh":"QyZ"}`)
	require.NoError(t, err, "numbers and tokens of writes may differ")
	_, err = compare(true, `{"age":20,"notes":"Seen."}`, `{"age":20,"notes":"Gone."}`)
	require.Error(t, err)
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
			written := readSamples(t, o.json)
			require.Len(t, written[engine], len(scenarios))
			for _, outcome := range written[engine] {
				for _, server := range compared {
					require.Len(t, outcome.Samples[server], 1, outcome.Scenario)
					require.Positive(t, outcome.Samples[server][0].PerSecond, outcome.Scenario)
				}
			}
		})
	}
}

// readSamples returns the outcomes in the file of --json.
func readSamples(t *testing.T, file string) map[string][]outcome {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var written struct{ Results map[string][]outcome }
	require.NoError(t, json.Unmarshal(raw, &written))
	return written.Results
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

// TestAppointments runs always: only this shows that the rows of the calendars match the schema, and that every booking
// is of a free time.
func TestAppointments(t *testing.T) {
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			o := shortRun(t, engine)
			o.seconds = 0.2
			var out strings.Builder
			require.NoError(t, o.appointments(t.Context(), &out))
			require.Contains(t, out.String(), "bookings / creates, per second")
			written := readSamples(t, o.json)
			require.Len(t, written[engine], len(appointmentScenarios))
			for _, outcome := range written[engine] {
				require.Len(t, outcome.Samples[service], 1, outcome.Scenario)
			}
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

func TestTargets(t *testing.T) {
	samples := func(perSecond ...float64) (all []sample) {
		for _, v := range perSecond {
			all = append(all, sample{PerSecond: v, CPU: 1})
		}
		return all
	}
	outcomes := []outcome{}
	for _, name := range []string{"read", "list", "create", "patch"} {
		outcomes = append(outcomes, outcome{Scenario: name, Samples: map[string][]sample{
			service:      samples(84, 84),
			withoutTrail: samples(100, 100),
			plainSQL:     samples(120, 120),
			again:        samples(84, 79.8), // 0.95 of the first process
		}})
	}
	table := func(engine string, i int) string {
		var out strings.Builder
		comparisons(engine)[i].write(&out, outcomes, true)
		return out.String()
	}
	trail := table(sqlite, 0)
	require.Regexp(t, `(?m)^ *read +0\.84 \(0\.84-0\.84\) +1\.00 +>= 0\.75 +met$`, trail)
	require.Regexp(t, `(?m)^ *list .*>= 0\.80 +met$`, trail)
	require.Regexp(t, `(?m)^ *create .*>= 0\.90 +MISSED$`, trail)
	require.Regexp(t, `(?m)^ *patch .* - *$`, trail, "without a target")
	trail = table(postgres, 0)
	require.Regexp(t, `(?m)^ *read .*>= 0\.80 +met$`, trail)
	require.Regexp(t, `(?m)^ *list .*>= 0\.85 +unclear$`, trail, "the control differs as much")
	require.Regexp(t, `(?m)^ *create .*>= 0\.80 +met$`, trail)
	sql := table(postgres, 1)
	require.Regexp(t, `(?m)^ *read +0\.70 .*>= 0\.65 +met$`, sql)
	require.Regexp(t, `(?m)^ *list .*>= 0\.95 +MISSED$`, sql)
	require.Regexp(t, `(?m)^ *create .*>= 0\.70 +met$`, sql)
	require.NotContains(t, table(sqlite, 1), "target", "the targets are those of pgx")
}
