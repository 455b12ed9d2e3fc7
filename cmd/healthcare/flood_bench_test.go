package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// BenchmarkR17_LoginFlood prints what R-17 asks of the real binary with its real hash parameters: a thousand sign-ins at once, half of them guesses,
// each from a network of its own. How much the process grows (at most 64 MiB), and how long others wait (p99 at most three times that of an idle
// server). The client runs on the same cores: what a thousand requests to /livez make others wait stands beside, to tell the two apart.
// To run it: go test ./cmd/healthcare -run '^$' -bench R17 -benchtime 1x
func BenchmarkR17_LoginFlood(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("it reads /proc")
	}
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			for b.Loop() {
				flood(b, engine)
			}
		})
	}
}

func flood(b *testing.B, engine database.Engine) {
	p := place{t: b, folder: b.TempDir(), env: []string{
		"PATH=" + os.Getenv("PATH"), "HTTP_ADDRESS=127.0.0.1:0", "SECRET_KEY=" + testSecret, "AUDIT_KEY=" + testAuditKey, "TRUSTED_PROXIES=127.0.0.0/8", "LOG_LEVEL=warn",
	}}
	if engine == database.Postgres {
		p = p.with("DATABASE_URL=" + databasetest.PostgresURL(b))
	}
	server := p.start()
	c := newCaller(b, server.ready())
	c.http.Transport.(*http.Transport).MaxIdleConnsPerHost = 1100
	c.signUp()
	c.addPatient()
	idle := waits(b, c, time.After(3*time.Second))
	before := memory(b, server.cmd.Process.Pid, "VmRSS")
	require.NoError(b, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", server.cmd.Process.Pid), []byte("5"), 0)) // the peak begins anew (proc(5))

	var statuses [600]atomic.Int64
	during := waits(b, c, atOnceFor(func(i int) { statuses[signInFrom(b, c, i)].Add(1) }))
	b.ReportMetric(float64(memory(b, server.cmd.Process.Pid, "VmHWM")-before)/1024, "MiB-growth")
	burst := waits(b, c, atOnceFor(func(int) { _, _, _ = c.try("GET", "/livez", nil) }))
	b.ReportMetric(milliseconds(idle), "ms-p99-idle")
	b.ReportMetric(milliseconds(during), "ms-p99-flood")
	b.ReportMetric(milliseconds(burst), "ms-p99-burst")
	for status := range statuses {
		if n := statuses[status].Load(); n > 0 {
			b.ReportMetric(float64(n), fmt.Sprintf("answers-%d", status))
		}
	}
}

// atOnceFor does something a thousand times at once, and says when that is over.
func atOnceFor(do func(i int)) <-chan time.Time {
	over := make(chan time.Time)
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() { do(i) })
	}
	go func() {
		all.Wait()
		close(over)
	}()
	return over
}

// signInFrom is one sign-in from the n-th network, a wrong one when n is odd.
func signInFrom(b *testing.B, c *caller, n int) int {
	login := object{"email": asha["email"], "password": asha["password"]}
	if n%2 == 1 {
		login = object{"email": fmt.Sprintf("%d@clinic.example", n), "password": "a guess"}
	}
	raw, _ := json.Marshal(login)
	request, err := http.NewRequest(http.MethodPost, c.base+"/api/auth/login/", bytes.NewReader(raw))
	require.NoError(b, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.1", n>>8, n&255))
	answer, err := c.http.Do(request)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// waits is how long readers of patients wait until then, sorted.
func waits(b testing.TB, c *caller, until <-chan time.Time) (took []time.Duration) {
	for {
		select {
		case <-until:
			slices.Sort(took)
			require.NotEmpty(b, took)
			return took
		default:
			began := time.Now()
			status, _, err := c.try("GET", "/api/patients/", nil)
			require.NoError(b, err)
			require.Equal(b, 200, status)
			took = append(took, time.Since(began))
		}
	}
}

func milliseconds(sorted []time.Duration) float64 {
	return float64(sorted[len(sorted)*99/100].Microseconds()) / 1000
}

// memory reads a line of /proc/<pid>/status, in KiB.
func memory(b testing.TB, pid int, line string) int {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	_, after, found := strings.Cut(string(status), line+":")
	require.True(b, found)
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(b, err)
	return kib
}
