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

// BenchmarkR17_LoginFlood measures R-17 on the program with its default hash parameters: a thousand sign-ins at once,
// half of them guesses, each from its own network. It reports the growth of the process (limit: 64 MiB) and the p99 of
// other requests (limit: three times that of an idle server). Because the client uses the same cores, it also reports
// the p99 during a thousand requests to /livez. To run it:
//
//	go test ./cmd/healthcare/test/faults -run '^$' -bench R17 -benchtime 1x
func BenchmarkR17_LoginFlood(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("needs /proc")
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
	// resets the peak (proc(5))
	require.NoError(b, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", server.Cmd.Process.Pid), []byte("5"), 0))

	var statuses [600]atomic.Int64
	during := harness.ReadLatencies(b, c, startThousand(func(i int) { statuses[signInFrom(b, c, i)].Add(1) }))
	b.ReportMetric(float64(harness.ProcessMemory(b, server.Cmd.Process.Pid, "VmHWM")-before)/1024, "MiB-growth")
	burst := harness.ReadLatencies(b, c, startThousand(func(int) { _, _, _ = c.Try("GET", "/livez", nil) }))
	b.ReportMetric(harness.P99Milliseconds(idle), "ms-p99-idle")
	b.ReportMetric(harness.P99Milliseconds(during), "ms-p99-flood")
	b.ReportMetric(harness.P99Milliseconds(burst), "ms-p99-burst")
	for status := range statuses {
		if n := statuses[status].Load(); n > 0 {
			b.ReportMetric(float64(n), fmt.Sprintf("responses-%d", status))
		}
	}
}

// startThousand calls do a thousand times at once and returns a channel that is closed when all have returned.
func startThousand(do func(i int)) <-chan time.Time {
	done := make(chan time.Time)
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() { do(i) })
	}
	go func() {
		all.Wait()
		close(done)
	}()
	return done
}

// signInFrom signs in from the n-th network, with a wrong password if n is odd, and returns the status.
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
	response, err := c.HTTP.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}
