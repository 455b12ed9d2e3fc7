package process

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// startCollector starts a collector of traces and returns a channel of the requests that it receives.
func startCollector(t *testing.T) (address string, received chan string) {
	received = make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received <- r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type") + "\n" + string(body)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	return server.URL, received
}

func TestTracesAreExported(t *testing.T) {
	t.Parallel()
	address, received := startCollector(t)
	r := harness.NewTolerantEnv(t).With("OTEL_EXPORTER_OTLP_ENDPOINT="+address, "OTEL_SERVICE_NAME=clinic-of-the-test",
		"OTEL_BSP_SCHEDULE_DELAY=60000").Start()
	c := harness.NewHTTPClient(t, r.WaitReady())
	c.SignUp()
	c.Call("GET", "/api/patients/"+c.AddPatient()+"/", nil, 200)
	require.Empty(t, received, "spans are sent in batches")
	o := r.Terminate()
	require.Equal(t, 0, o.ExitCode)
	sent := ""
	for len(received) > 0 {
		sent += <-received
	}
	require.True(t, strings.HasPrefix(sent, "POST /v1/traces application/x-protobuf\n"),
		"waiting spans are sent at the stop: %.100q", sent)
	for _, part := range []string{"clinic-of-the-test", harness.TestVersion, "GET /api/patients/{id}/",
		"registerPatient", "INSERT patients", "transaction", "http.route"} {
		require.Contains(t, sent, part)
	}
	for _, secret := range []string{"Ananya", "asha", "clinic.example", "correct horse"} {
		require.NotContains(t, sent, secret)
	}
	require.Regexp(t, `"route":"/api/patients/\{id\}/".*"trace_id":"[0-9a-f]{32}"`, o.Stderr)
}

func TestUnreachableCollectorDelaysNoRequest(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts connections and does not respond
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	for name, address := range map[string]string{"refusing": closed.Addr().String(), "silent": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := harness.NewTolerantEnv(t).With("OTEL_EXPORTER_OTLP_ENDPOINT=http://"+address,
				"OTEL_BSP_SCHEDULE_DELAY=20", "OTEL_EXPORTER_OTLP_TIMEOUT=200",
				"OTEL_EXPORTER_OTLP_HEADERS=authorization=hunter2%zz", "OTEL_BSP_MAX_QUEUE_SIZE=8",
				"OTEL_BSP_MAX_EXPORT_BATCH_SIZE=4").Start()
			c := harness.NewHTTPClient(t, r.WaitReady())
			c.SignUp()
			for range 50 {
				start := time.Now()
				c.Call("GET", "/api/patients/", nil, 200)
				require.Less(t, time.Since(start), 5*time.Second)
			}
			time.Sleep(500 * time.Millisecond) // some exports fail
			start := time.Now()
			o := r.Terminate()
			require.Equal(t, 0, o.ExitCode)
			require.Less(t, time.Since(start), 5*time.Second)
			warnings := 0
			for _, line := range o.StderrLines() {
				require.Regexp(t, `^\{"level":.*\}$`, line)
				if strings.Contains(line, `"msg":"tracing"`) {
					warnings++
				}
			}
			require.Equal(t, 1, warnings, "one log line per minute:\n%s", o.Stderr)
		})
	}
}

var metricsAddress = regexp.MustCompile(`"msg":"metrics are served","address":"([^"]+)"`)

func TestMetricsAddress(t *testing.T) {
	t.Parallel()
	r := harness.NewTolerantEnv(t).With("METRICS_ADDRESS=127.0.0.1:0").Start()
	base := r.WaitReady()
	var found []string
	require.Eventually(t, func() bool { // standard error may arrive after the line of WaitReady
		found = metricsAddress.FindStringSubmatch(r.Stderr.String())
		return found != nil
	}, harness.Timeout, 5*time.Millisecond)
	get := func(url, method string) (int, string) {
		request, err := http.NewRequest(method, url, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	harness.NewHTTPClient(t, base).Call("GET", "/metrics", nil, 404)
	status, body := get("http://"+found[1]+"/metrics", "GET")
	require.Equal(t, 200, status)
	require.Contains(t, body, `http_requests_total{method="GET",route="/metrics",status="404"} 1`)
	require.Contains(t, body, `healthcare_build_info{`)
	require.Contains(t, body, `version="`+harness.TestVersion+`"} 1`)
	for _, path := range []string{"/", "/livez", "/api/patients/", "/debug/pprof/"} {
		status, _ := get("http://"+found[1]+path, "GET")
		require.Equal(t, 404, status, path)
	}
	status, _ = get("http://"+found[1]+"/metrics", "POST")
	require.Equal(t, 405, status)
	require.Equal(t, 0, r.Terminate().ExitCode)

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	harness.NewTolerantEnv(t).With("METRICS_ADDRESS="+taken.Addr().String()).Run().ExpectFailure(1,
		"address already in use")
	harness.NewEnv(t).With("METRICS_ADDRESS=nowhere").Run().ExpectFailure(78, "metrics_address (METRICS_ADDRESS)",
		"must be host:port")
}
