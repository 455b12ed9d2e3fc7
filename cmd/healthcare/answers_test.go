package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// fill gives the client patients with the longest notes, written as the store has them, for speed.
func (s *service) fill(t *testing.T, c *client, count, notes int) {
	t.Helper()
	first := c.addPatient()
	columns := "owner_id, name, gender, age, birth_date, email, phone, address, " +
		"medical_record_number, search_text, version, created_at, updated_at"
	numbers := "SELECT n FROM generate_series(1, ?) AS numbers (n)"
	id := "gen_random_uuid()"
	if s.db.Engine() == database.SQLite {
		numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) " +
			"SELECT n FROM numbers"
		id = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || " +
			"hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(6)))"
	}
	statement := "INSERT INTO patients (id, notes, " + columns + ") " +
		"SELECT " + id + ", ?, " + columns + " FROM patients, (" + numbers + ") AS series WHERE id = ?"
	require.NoError(t, s.db.Write(t.Context()).Exec(statement, strings.Repeat("𝒜", notes), count, first).Error)
}

// A page ends where it would be larger than 1 MiB; its link leads on. HEAD has no body made, and tells the trail how
// many it would have shown.
func TestPagesOfLargeItems(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		s.fill(t, c, 60, 10_000) // 40 kB each
		a := c.do("GET", "/api/patients/?limit=500", nil).is(200)
		require.Less(t, len(a.raw), paging.MaxBytes)
		require.Greater(t, len(a.raw), paging.MaxBytes*9/10)
		pages := c.pages("/api/patients/?limit=500&ordering=name", "id")
		require.Len(t, pages, 3)
		all := slices.Concat(pages...)
		require.Len(t, all, 61)
		slices.Sort(all)
		require.Len(t, slices.Compact(all), 61)
		require.Len(t, c.do("GET", "/api/patients/", nil).list(), len(a.list()), "whatever the limit")

		head := c.do("HEAD", "/api/patients/?limit=500&ordering=name", nil, "Prefer", "count=exact").is(200)
		require.Equal(t, "61", head.header.Get("X-Total-Count"))
		require.Empty(t, head.header.Get("Content-Length"))
		require.Equal(t, "application/json", head.header.Get("Content-Type"))
		require.Len(t, c.do("GET", head.next(), nil).is(200).list(), len(pages[1]))

		var shown []object
		require.NoError(t, s.db.Read(t.Context()).Table("audit_entries").Select("ids", "id_count").
			Where("action = 'list' AND request_id = ?", head.header.Get("X-Request-Id")).Find(&shown).Error)
		require.Len(t, shown, 1)
		require.EqualValues(t, len(pages[0]), shown[0]["id_count"])
		require.Contains(t, []any{nil, "", "[]", "{}"}, shown[0]["ids"])
	})
}

func TestPagesOfAssignmentsEndByTheirSize(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		s.fill(t, c, 399, 10)
		doctor := c.do(
			"POST",
			"/api/doctors/",
			object{"name": strings.Repeat("𝒜", 255), "specialization": strings.Repeat("𝒜", 255), "experience": 1},
		).is(201).id()
		id := map[database.Engine]string{database.Postgres: "gen_random_uuid()"}[s.db.Engine()]
		if id == "" {
			id = "substr(id, 1, 24) || lower(hex(randomblob(6)))"
		}
		q := s.db.Write(t.Context())
		require.NoError(t, q.Exec("UPDATE patients SET name = ?", strings.Repeat("𝒜", 255)).Error)
		require.NoError(t, q.Exec(
			"INSERT INTO assignments (id, owner_id, patient_id, doctor_id, assigned_at) "+
				"SELECT "+id+", owner_id, id, ?, created_at FROM patients",
			doctor,
		).Error)
		a := c.do("GET", "/api/mappings/?limit=500", nil).is(200)
		require.Less(t, len(a.raw), paging.MaxBytes)
		require.Greater(t, len(a.raw), paging.MaxBytes*8/10)
		require.Len(t, slices.Concat(c.pages("/api/mappings/?limit=500", "id")...), 400)
	})
}

// proxied has requests come from the networks that X-Forwarded-For names, and be answered in the time that ships.
func proxied(cfg *config.Config) {
	cfg.TrustedProxies, cfg.HTTPHandlerTimeout = []string{"127.0.0.0/8"}, 1500*time.Millisecond
}

// deafTo sends so many requests on each of so many connections of one network, and reads nothing.
func (s *service) deafTo(t *testing.T, c *client, path string, connections, requests int) {
	t.Helper()
	for range connections {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
		request := fmt.Sprintf(
			"GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
			path,
			c.token,
		)
		_, err = conn.Write([]byte(strings.Repeat(request, requests)))
		require.NoError(t, err)
	}
}

// bystander reads from another network for so long, and returns the rate of success and the p99.
func (s *service) bystander(
	t testing.TB, c *client, path string, long time.Duration,
) (rate float64, p99 time.Duration) {
	var took []time.Duration
	good := 0
	for end := time.Now().Add(long); time.Now().Before(end); {
		request, err := http.NewRequest(http.MethodGet, s.base+path, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+c.token)
		request.Header.Set("X-Forwarded-For", "198.51.100.1")
		began := time.Now()
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		in := bufio.NewReader(response.Body)
		_, _ = in.WriteTo(discard{})
		_ = response.Body.Close()
		took = append(took, time.Since(began))
		if response.StatusCode == http.StatusOK {
			good++
		}
	}
	slices.Sort(took)
	return float64(good) / float64(len(took)), took[len(took)*99/100]
}

type discard struct{}

// Write implements io.Writer.
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// Clients that ask for the largest pages and do not read them take no memory from others.
func TestR58_SlowReadersOfLargePagesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		attacker, bystander := s.user(t, "Asha"), s.user(t, "Bela")
		s.fill(t, attacker, 30, 10_000)
		for range 30 {
			bystander.addPatient(object{"notes": strings.Repeat("a", 500)})
		}
		s.deafTo(t, attacker, "/api/patients/?limit=500", 64, 8)
		time.Sleep(time.Second) // until they have all there is
		rate, p99 := s.bystander(t, bystander, "/api/patients/", time.Second)
		t.Logf("the bystander: %.3f of requests, p99 %s", rate, p99)
		require.GreaterOrEqual(t, rate, 0.99)
	}, proxied)
}

// Searches and counts of one network leave room for those of others.
func TestR58_SearchesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		attacker, bystander := s.user(t, "Asha"), s.user(t, "Bela")
		s.fill(t, attacker, 3000, 100)
		bystander.addPatient()
		stop := make(chan struct{})
		var attack sync.WaitGroup
		t.Cleanup(func() { close(stop); attack.Wait() })
		for range 24 {
			attack.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					request, _ := http.NewRequest(http.MethodGet, s.base+"/api/patients/?limit=500&search=a+n+v", nil)
					request.Header.Set("Authorization", "Bearer "+attacker.token)
					request.Header.Set("X-Forwarded-For", "192.0.2.1")
					request.Header.Set("Prefer", "count=exact")
					if response, err := http.DefaultClient.Do(request); err == nil {
						_, _ = bufio.NewReader(response.Body).WriteTo(discard{})
						_ = response.Body.Close()
					}
				}
			})
		}
		for _, path := range []string{"/api/patients/", "/api/patients/?search=a"} {
			rate, p99 := s.bystander(t, bystander, path, time.Second)
			t.Logf("the bystander at %s: %.3f of requests, p99 %s", path, rate, p99)
			require.GreaterOrEqual(t, rate, 0.99, path)
		}
	}, proxied)
}

// Nothing is served that is not recorded: whoever has had much recorded is refused, and others are not.
func TestRequestsBeyondTheBudgetOfTheTrail(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		attacker, bystander := s.user(t, "Asha"), s.user(t, "Bela")
		from := func(c *client, address string) answer {
			return c.do("GET", "/api/patients/", nil, "X-Forwarded-For", address)
		}
		refused := 0
		for range 60 {
			if a := from(attacker, "192.0.2.1"); a.status != 200 {
				a.problem(429, "too_many_requests")
				require.NotEmpty(t, a.header.Get("Retry-After"))
				refused++
			}
		}
		require.InDelta(t, 20, refused, 6)
		from(attacker, "203.0.113.1").problem(429, "too_many_requests") // the user's, wherever they are
		from(bystander, "192.0.2.7").problem(429, "too_many_requests")  // the network's, whoever they are
		from(bystander, "198.51.100.1").is(200)
		s.client(t).do("GET", "/livez", nil, "X-Forwarded-For", "192.0.2.1").is(200)
		var recorded int64
		require.NoError(t, s.db.Read(t.Context()).Table("audit_entries").Where("action = 'list'").Count(&recorded).Error)
		require.EqualValues(t, 61-refused, recorded)

		// refusals, other methods and answers without a body spend as much
		chen := s.user(t, "Chen")
		requests := []struct {
			method, path string
			body         any
			status       int
		}{
			{"GET", "/api/users/", nil, 403},
			{"POST", "/api/patients/", object{"name": "A", "age": 1, "gender": "Other"}, 201},
			{"PATCH", "/api/auth/me/", object{"name": "Chen"}, 200},
			{"HEAD", "/api/patients/", nil, 200},
		}
		for i := range 11 {
			for _, r := range requests {
				a := chen.do(r.method, r.path, r.body, "X-Forwarded-For", "2001:db8::1")
				if i < 10 {
					a.is(r.status)
				} else {
					a.is(429)
				}
			}
		}
	}, proxied, func(cfg *config.Config) { cfg.AuditRequestsPerHour = 40 })
}

// 64 clients that do not read the largest page cost at most 64 MiB, and others are served meanwhile.
func TestR58_SlowReadersCostLittleMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("it reads /proc")
	}
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			growth, _, _ := slowReaders(t, engine, 300*time.Millisecond)
			require.LessOrEqual(t, growth, 64.0, "MiB")
		})
	}
}

// BenchmarkSlowReaders prints by how much the process grows while 64 clients do not read the largest page, and how long
// others wait meanwhile. To run it: go test ./cmd/healthcare -run '^$' -bench SlowReaders -benchtime 1x
func BenchmarkSlowReaders(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("it reads /proc")
	}
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			for b.Loop() {
				growth, idle, during := slowReaders(b, engine, 3*time.Second)
				b.ReportMetric(growth, "MiB-growth")
				b.ReportMetric(idle, "ms-p99-idle")
				b.ReportMetric(during, "ms-p99-attack")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// slowReaders returns by how many MiB the process grows, and the p99 of others' requests in milliseconds, before and
// meanwhile.
func slowReaders(t testing.TB, engine database.Engine, long time.Duration) (growth, idle, during float64) {
	p := place{t: t, folder: t.TempDir(), env: []string{
		"PATH=" + os.Getenv("PATH"), "HTTP_ADDRESS=127.0.0.1:0", "SECRET_KEY=" + testSecret,
		"AUDIT_KEY=" + testAuditKey, "TRUSTED_PROXIES=127.0.0.0/8", "LOG_LEVEL=warn",
		"PASSWORD_HASH_MEMORY=64", "PASSWORD_HASH_ITERATIONS=1",
	}}
	if engine == database.Postgres {
		p = p.with("DATABASE_URL=" + databasetest.PostgresURL(t))
	}
	server := p.start()
	c := newCaller(t, server.ready())
	c.signUp()
	for range 60 {
		c.call(
			"POST",
			"/api/patients/",
			object{"name": "Ananya", "age": 1, "gender": "Other", "notes": strings.Repeat("𝒜", 10_000)},
			201,
		)
	}
	other := newCaller(t, c.base)
	other.call(
		"POST",
		"/api/auth/register/",
		object{"name": "Bela", "email": "bela@clinic.example", "password": "correct horse"},
		201,
	)
	other.token = other.call(
		"POST",
		"/api/auth/login/",
		object{"email": "bela@clinic.example", "password": "correct horse"},
		200,
	)["access"].(string)
	other.addPatient()
	idle = milliseconds(waits(t, other, time.After(long)))
	pid := server.cmd.Process.Pid
	before := memory(t, pid, "VmRSS")
	// the peak begins anew (proc(5))
	require.NoError(t, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0))
	for range 64 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		request := fmt.Sprintf(
			"GET /api/patients/?limit=500 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
			c.token,
		)
		_, err = conn.Write([]byte(strings.Repeat(request, 12)))
		require.NoError(t, err)
	}
	during = milliseconds(waits(t, other, time.After(4*long)))
	return float64(memory(t, pid, "VmHWM")-before) / 1024, idle, during
}
