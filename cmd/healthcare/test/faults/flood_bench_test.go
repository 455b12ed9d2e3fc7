package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// BenchmarkR17_LoginFlood prints what R-17 asks of the real binary with its real hash parameters: a thousand sign-ins
// at once, half of them guesses, each from a network of its own. How much the process grows (at most 64 MiB), and how
// long others wait (p99 at most three times that of an idle server). The client runs on the same cores: what a thousand
// requests to /livez make others wait stands beside, to distinguish the two. To run it: go test ./cmd/healthcare -run
// '^$' -bench R17 -benchtime 1x
func BenchmarkR17_LoginFlood(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("it reads /proc")
	}
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			for b.Loop() {
				loginFlood(b, engine)
			}
		})
	}
}

func loginFlood(b *testing.B, engine database.Engine) {
	p := harness.Env{T: b, Folder: b.TempDir(), Variables: []string{
		"PATH=" + os.Getenv("PATH"), "HTTP_ADDRESS=127.0.0.1:0", "SECRET_KEY=" + harness.SecretKey, "AUDIT_KEY=" +
			harness.AuditKey, "TRUSTED_PROXIES=127.0.0.0/8", "LOG_LEVEL=warn",
	}}
	if engine == database.Postgres {
		p = p.With("DATABASE_URL=" + databasetest.PostgresURL(b))
	}
	server := p.Start()
	c := harness.NewHTTPClient(b, server.WaitReady())
	c.HTTP.Transport.(*http.Transport).MaxIdleConnsPerHost = 1100
	c.SignUp()
	c.AddPatient()
	idle := harness.ReadLatencies(b, c, time.After(3*time.Second))
	before := harness.ProcessMemory(b, server.Cmd.Process.Pid, "VmRSS")
	// the peak begins anew (proc(5))
	require.NoError(b, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", server.Cmd.Process.Pid), []byte("5"), 0))

	var statuses [600]atomic.Int64
	during := harness.ReadLatencies(b, c, atOnceFor(func(i int) { statuses[signInFrom(b, c, i)].Add(1) }))
	b.ReportMetric(float64(harness.ProcessMemory(b, server.Cmd.Process.Pid, "VmHWM")-before)/1024, "MiB-growth")
	burst := harness.ReadLatencies(b, c, atOnceFor(func(int) { _, _, _ = c.Try("GET", "/livez", nil) }))
	b.ReportMetric(harness.P99Milliseconds(idle), "ms-p99-idle")
	b.ReportMetric(harness.P99Milliseconds(during), "ms-p99-flood")
	b.ReportMetric(harness.P99Milliseconds(burst), "ms-p99-burst")
	for status := range statuses {
		if n := statuses[status].Load(); n > 0 {
			b.ReportMetric(float64(n), fmt.Sprintf("answers-%d", status))
		}
	}
}

// atOnceFor does something a thousand times at once and returns a channel that receives when it is over.
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
func signInFrom(b *testing.B, c *harness.HTTPClient, n int) int {
	login := object{"email": harness.AshaAccount["email"], "password": harness.AshaAccount["password"]}
	if n%2 == 1 {
		login = object{"email": fmt.Sprintf("%d@clinic.example", n), "password": "a guess"}
	}
	raw, _ := json.Marshal(login)
	request, err := http.NewRequest(http.MethodPost, c.URL+"/api/auth/login/", bytes.NewReader(raw))
	require.NoError(b, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.1", n>>8, n&255))
	answer, err := c.HTTP.Do(request)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}
