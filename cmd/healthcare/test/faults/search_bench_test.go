package faults

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// BenchmarkSearchLoad measures lists of the program with 30,000 doctors and 30,000 patients of one doctor: the latency
// of each kind of search, the latency of a bystander while four clients send it, and 48 requests of 12 clients for a
// doctor's patients. To run it:
//
//	go test ./cmd/healthcare/test/faults -run '^$' -bench SearchLoad -benchtime 1x
func BenchmarkSearchLoad(b *testing.B) {
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		b.Run(string(engine), func(b *testing.B) { searchLoad(b, engine) })
	}
}

func searchLoad(b *testing.B, engine database.Engine) {
	p := harness.Env{T: b, Folder: b.TempDir(), Variables: []string{
		"PATH=" + os.Getenv("PATH"), "HTTP_ADDRESS=127.0.0.1:0",
		"SECRET_KEY=" + harness.SecretKey, "AUDIT_KEY=" + harness.AuditKey, "LOG_LEVEL=warn",
	}}
	store := database.Config{
		Path:           filepath.Join(p.Folder, "data", "healthcare.db"),
		PoolSize:       2,
		ConnectTimeout: time.Minute,
	}
	if engine == database.Postgres {
		store.URL = databasetest.PostgresURL(b)
		p = p.With("DATABASE_URL=" + store.URL)
	}
	c := harness.NewHTTPClient(b, p.Start().WaitReady())
	c.SignUp()
	doctor := addDoctorsAndPatients(b, store)
	one := "/api/doctors/" + doctor + "/"
	letters := strings.Join(strings.Split("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzab"[:50], ""), " ")
	for _, search := range []string{letters, "a d e m o v", "a d e m o zebra", "an de er ma or ve", "doctor", "q"} {
		path := "/api/doctors/?limit=1&search=" + url.QueryEscape(search)
		b.Run(fmt.Sprintf("%d words %.12s", len(strings.Fields(search)), search), func(b *testing.B) {
			for b.Loop() {
				alone := medianLatency(b, c, 5, path)
				stop, sent := startFlood(b, c, 4, path)
				bystander := medianLatency(b, c, 100, one)
				stop()
				idle := medianLatency(b, c, 100, one)
				b.ReportMetric(alone, "ms-p50-alone")
				b.ReportMetric(bystander, "ms-p50-bystander")
				b.ReportMetric(idle, "ms-p50-idle")
				b.ReportMetric(float64(sent.Load()), "sent")
			}
		})
	}
	b.Run("12 clients by doctor", func(b *testing.B) {
		for b.Loop() {
			b.ReportMetric(medianLatency(b, c, 5, "/api/patients/?limit=10&doctor="+doctor), "ms-p50-alone")
			var served atomic.Int64
			var all sync.WaitGroup
			start := time.Now()
			for range 12 {
				all.Go(func() {
					for range 4 {
						if response, err := c.Send(
							"GET", "/api/patients/?limit=10&doctor="+doctor, nil, "Prefer", "count=exact",
						); err == nil && response.Status == 200 {
							served.Add(1)
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(served.Load()), "served-of-48")
			b.ReportMetric(time.Since(start).Seconds(), "s")
		}
	})
}

// medianLatency returns the median latency of n requests in milliseconds.
func medianLatency(b *testing.B, c *harness.HTTPClient, n int, path string) float64 {
	durations := make([]time.Duration, n)
	for i := range durations {
		start := time.Now()
		_, err := c.Send("GET", path, nil, "Prefer", "count=exact")
		require.NoError(b, err)
		durations[i] = time.Since(start)
	}
	slices.Sort(durations)
	return float64(durations[n/2].Microseconds()) / 1000
}

// startFlood sends a request from clients without a pause until stop, and counts the requests.
func startFlood(b *testing.B, c *harness.HTTPClient, clients int, path string) (stop func(), sent *atomic.Int64) {
	var over atomic.Bool
	var all sync.WaitGroup
	sent = new(atomic.Int64)
	for range clients {
		all.Go(func() {
			for !over.Load() {
				if _, err := c.Send("GET", path, nil, "Prefer", "count=exact"); err != nil {
					b.Error(err)
					return
				}
				sent.Add(1)
			}
		})
	}
	return func() { over.Store(true); all.Wait() }, sent
}

// addDoctorsAndPatients adds 30,000 doctors and 30,000 patients of the only user, and returns the doctor who treats
// them.
func addDoctorsAndPatients(b *testing.B, store database.Config) (doctor string) {
	db, err := database.Open(store, zap.NewNop())
	require.NoError(b, err)
	defer func() { _ = db.Close() }()
	require.NoError(b, db.Connect(b.Context()))
	id, at, from := `gen_random_uuid()`, `to_timestamp(1760000000 + i)`, `generate_series(1, 30000) s(i)`
	if db.Engine() == database.SQLite {
		id = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' ||
			hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(6)))`
		at = `strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1760000000 + i, 'unixepoch')`
		from = `(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 30000) SELECT i FROM s)`
	}
	first := []string{"ananya", "vikram", "maria", "josé", "elena", "david", "olga", "omar", "victor", "emma"}
	last := []string{
		"verma", "khanna", "anderson", "martinez", "ivanova", "okafor", "dupont", "muller", "evans", "olsen", "zebra",
	}
	name := func(all []string, of string) string {
		var cases strings.Builder
		for i, n := range all {
			fmt.Fprintf(&cases, " WHEN %d THEN '%s'", i, n)
		}
		return fmt.Sprintf("CASE (i / %s) %% %d%s END", of, len(all), cases.String())
	}
	full := "('dr. ' || " + name(first, "1") + " || ' ' || " + name(last, "10") + ")"
	exec := func(sql string, values ...any) {
		require.NoError(b, db.Write(b.Context()).Exec(sql, values...).Error)
	}
	exec(`INSERT INTO doctors (id, name, specialization, experience, email, phone, license_number,
			search_text, version, created_at, updated_at)
		SELECT ` + id + `, ` + full + `, 'Dermatology', 1, i || '@clinic.example', '', 'MH-' || i,
		` + full + ` || '
dermatology
' || i || '@clinic.example
mh-' || i, 1, ` + at + `, ` + at + ` FROM ` + from)
	asID := map[bool]string{true: "::uuid"}[db.Engine() == database.Postgres]
	exec(`INSERT INTO patients (id, owner_id, name, gender, age, email, phone, address, notes,
			search_text, version, created_at, updated_at)
		SELECT ` + id + `,
		(SELECT min(CAST(id AS text)) FROM users)` + asID + `,
		` + full + `, 'Other', 1, '', '', '', '', ` + full + `, 1, ` + at + `, ` + at + ` FROM ` + from)
	require.NoError(
		b,
		db.Read(b.Context()).Raw(`SELECT CAST(id AS text) FROM doctors ORDER BY created_at LIMIT 1`).Scan(
			&doctor).Error,
	)
	exec(`INSERT INTO assignments (id, owner_id, patient_id, doctor_id, assigned_at)
		SELECT `+id+`, owner_id, id, ?, created_at FROM patients`, doctor)
	if db.Engine() == database.Postgres {
		exec(`VACUUM ANALYZE doctors, patients, assignments`)
	}
	return doctor
}
