package faults

import (
	"fmt"
	"io"
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

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// leaveUnread sends requests on each of the connections of one network, and reads no responses.
func leaveUnread(t *testing.T, s *harness.Service, c *harness.Client, path string, connections, requests int) {
	t.Helper()
	for range connections {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
		request := fmt.Sprintf(
			"GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"+
				"X-Forwarded-For: 192.0.2.1\r\n\r\n",
			path,
			c.Token,
		)
		_, err = conn.Write([]byte(strings.Repeat(request, requests)))
		require.NoError(t, err)
	}
}

// measureBystander reads from another network for a duration, and returns the rate of success and the p99.
func measureBystander(t testing.TB, s *harness.Service, c *harness.Client, path string, duration time.Duration,
) (rate float64, p99 time.Duration) {
	var durations []time.Duration
	good := 0
	for end := time.Now().Add(duration); time.Now().Before(end); {
		request, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+c.Token)
		request.Header.Set("X-Forwarded-For", "198.51.100.1")
		start := time.Now()
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		durations = append(durations, time.Since(start))
		if response.StatusCode == http.StatusOK {
			good++
		}
	}
	slices.Sort(durations)
	return float64(good) / float64(len(durations)), durations[len(durations)*99/100]
}

// TestR58_RequestsDuringSlowReaders checks that clients that do not read the largest pages do not affect others.
func TestR58_RequestsDuringSlowReaders(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		attacker, bystander := s.NewUser(t, "Asha"), s.NewUser(t, "Bela")
		s.AddLargePatients(t, attacker, 30, 10_000)
		for range 30 {
			bystander.AddPatient(object{"notes": strings.Repeat("a", 500)})
		}
		leaveUnread(t, s, attacker, "/api/patients/?limit=500", 64, 8)
		time.Sleep(time.Second) // until they hold all memory that they can
		rate, p99 := measureBystander(t, s, bystander, "/api/patients/", time.Second)
		t.Logf("the bystander: %.3f of requests, p99 %s", rate, p99)
		require.GreaterOrEqual(t, rate, 0.99)
	}, harness.BehindProxy)
}

// TestR58_RequestsDuringSearches checks that searches and counts of one network do not block those of others.
func TestR58_RequestsDuringSearches(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		attacker, bystander := s.NewUser(t, "Asha"), s.NewUser(t, "Bela")
		s.AddLargePatients(t, attacker, 3000, 100)
		bystander.AddPatient()
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
					request, _ := http.NewRequest(http.MethodGet, s.URL+"/api/patients/?limit=500&search=a+n+v", nil)
					request.Header.Set("Authorization", "Bearer "+attacker.Token)
					request.Header.Set("X-Forwarded-For", "192.0.2.1")
					request.Header.Set("Prefer", "count=exact")
					if response, err := http.DefaultClient.Do(request); err == nil {
						_, _ = io.Copy(io.Discard, response.Body)
						_ = response.Body.Close()
					}
				}
			})
		}
		for _, path := range []string{"/api/patients/", "/api/patients/?search=a"} {
			rate, p99 := measureBystander(t, s, bystander, path, time.Second)
			t.Logf("the bystander at %s: %.3f of requests, p99 %s", path, rate, p99)
			require.GreaterOrEqual(t, rate, 0.99, path)
		}
	}, harness.BehindProxy)
}

// TestR58_SlowReadersMemory checks that each of 64 clients that do not read the largest page costs at most 1.5 MiB,
// whatever number of pages it requests. Measured: 61 to 72 MiB in all.
func TestR58_SlowReadersMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			growth, _, _ := slowReaders(t, engine, 300*time.Millisecond)
			require.LessOrEqual(t, growth, 96.0, "MiB")
		})
	}
}

// BenchmarkSlowReaders measures the growth of the process while 64 clients do not read the largest page, and the
// latency of other requests meanwhile. To run it:
//
//	go test ./cmd/healthcare/test/faults -run '^$' -bench SlowReaders -benchtime 1x
func BenchmarkSlowReaders(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("needs /proc")
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

// slowReaders returns the growth of the process in MiB, and the p99 of others' requests in milliseconds before and
// during the attack.
func slowReaders(t testing.TB, engine database.Engine, duration time.Duration) (growth, idle, during float64) {
	p := harness.Env{T: t, Folder: t.TempDir(), Variables: []string{
		"PATH=" + os.Getenv("PATH"), "HTTP_ADDRESS=127.0.0.1:0", "SECRET_KEY=" + harness.SecretKey,
		"AUDIT_KEY=" + harness.AuditKey, "TRUSTED_PROXIES=127.0.0.0/8", "LOG_LEVEL=warn",
		"PASSWORD_HASH_MEMORY=64", "PASSWORD_HASH_ITERATIONS=1",
	}}
	if engine == database.Postgres {
		p = p.With("DATABASE_URL=" + databasetest.PostgresURL(t))
	}
	server := p.Start()
	c := harness.NewHTTPClient(t, server.WaitReady())
	c.SignUp()
	for range 60 {
		c.Call(
			"POST",
			"/api/patients/",
			object{"name": "Ananya", "age": 1, "gender": "Other", "notes": strings.Repeat("𝒜", 10_000)},
			201,
		)
	}
	other := harness.NewHTTPClient(t, c.URL)
	other.Call(
		"POST",
		"/api/auth/register/",
		object{"name": "Bela", "email": "bela@clinic.example", "password": "correct horse"},
		201,
	)
	other.Token = other.Call(
		"POST",
		"/api/auth/login/",
		object{"email": "bela@clinic.example", "password": "correct horse"},
		200,
	)["access"].(string)
	other.AddPatient()
	idle = harness.P99Milliseconds(harness.ReadLatencies(t, other, time.After(duration)))
	pid := server.Cmd.Process.Pid
	before := harness.ProcessMemory(t, pid, "VmRSS")
	// resets the peak (proc(5))
	require.NoError(t, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0))
	for range 64 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		request := fmt.Sprintf(
			"GET /api/patients/?limit=500 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"+
				"X-Forwarded-For: 192.0.2.1\r\n\r\n",
			c.Token,
		)
		_, err = conn.Write([]byte(strings.Repeat(request, 12)))
		require.NoError(t, err)
	}
	during = harness.P99Milliseconds(harness.ReadLatencies(t, other, time.After(4*duration)))
	return float64(harness.ProcessMemory(t, pid, "VmHWM")-before) / 1024, idle, during
}
