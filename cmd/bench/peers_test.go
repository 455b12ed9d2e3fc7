package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// peer is a server that records the requests it receives.
type peer struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string]int
	wait time.Duration // before a response
}

// newPeer returns a server that responds with size bytes to every request with this token.
func newPeer(t *testing.T, token string, size int) *peer {
	p := &peer{seen: map[string]int{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		p.seen[r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type")+" "+string(body)]++
		p.mu.Unlock()
		time.Sleep(p.wait)
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/moved/", http.StatusMovedPermanently)
		case r.Header.Get("Authorization") != "Bearer "+token:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = io.WriteString(w, strings.Repeat("x", size))
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// drive runs the command with arguments and returns its output.
func drive(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	c := root()
	c.SetOut(&out)
	c.SetArgs(append([]string{"peers", "--seconds", "0.1", "--rounds", "2", "--clients", "2"}, args...))
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestPeers(t *testing.T) {
	ours, theirs := newPeer(t, "ours", 100), newPeer(t, "theirs", 200)
	theirs.wait = 10 * time.Millisecond

	t.Run("compares servers with a token each", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "samples.json")
		out, err := drive(
			t, "--url", ours.URL+"/", "--token", "ours", "--url", theirs.URL, "--token", "theirs", "--path",
			"/api/patients/?limit=50", "--path", "/api/mappings/", "--json", file,
		)
		require.NoError(t, err)
		require.Regexp(t, `scenario +server +req/s +p50 ms +p99 ms +bytes/response\n`, out)
		require.Regexp(t, `(?m)^ *GET /api/patients/\?limit=50 +`+ours.URL+` .* 100$`, out)
		require.Regexp(t, `(?m)^ *GET /api/mappings/ +`+theirs.URL+` .* 200$`, out)
		require.Contains(t, out, ours.URL+" / "+theirs.URL+"\n")
		_, ratios, _ := strings.Cut(out, ours.URL+" / "+theirs.URL+"\n")
		require.Regexp(t, `(?m)^ *GET /api/mappings/ +([2-9]|\d\d+)\.\d\d \(`, ratios, "the second one waits")
		require.NotContains(t, out, "CPU")
		require.Positive(t, ours.seen["GET /api/patients/?limit=50  "])
		require.Positive(t, theirs.seen["GET /api/mappings/  "])
		outcomes := readSamples(t, file)["peers"]
		require.Len(t, outcomes, 2)
		require.Len(t, outcomes[1].Samples[theirs.URL], 2)
	})
	t.Run("posts a body", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "body.json")
		require.NoError(t, os.WriteFile(file, []byte(`{"name":"Ravi"}`), 0o600))
		out, err := drive(t, "--url", ours.URL, "--token", "ours", "--path", "/api/patients/", "--body", file)
		require.NoError(t, err)
		require.Contains(t, out, "POST /api/patients/")
		require.Positive(t, ours.seen[`POST /api/patients/ application/json {"name":"Ravi"}`])
	})
	t.Run("measures the same server twice with its processor time", func(t *testing.T) {
		if _, err := os.Stat("/proc/self/stat"); err != nil {
			t.Skip("this system has no /proc")
		}
		pid := strconv.Itoa(os.Getpid())
		out, err := drive(t, "--url", ours.URL, "--url", ours.URL, "--token", "ours", "--pid", pid+","+pid)
		require.NoError(t, err)
		require.Regexp(t, `bytes/response +CPU µs/req +MiB resident\n`, out)
		require.Regexp(t, `(?m)^ *GET /api/patients/ +`+ours.URL+` \(2\) .* 100 +\d+ +[1-9]\d*$`, out)
		require.Contains(t, out, ours.URL+" / "+ours.URL+" (2)\n")
		require.Contains(t, out, "CPU, median")
	})
}

func TestPeersRejectsWhatItCannotMeasure(t *testing.T) {
	p := newPeer(t, "token", 1)
	for name, c := range map[string]struct {
		args  []string
		wants string
	}{
		"no server":          {nil, `required flag(s) "url" not set`},
		"not an address":     {[]string{"--url", "127.0.0.1:8000"}, "not an address"},
		"a relative path":    {[]string{"--url", p.URL, "--path", "api/"}, "does not begin with a slash"},
		"a missing body":     {[]string{"--url", p.URL, "--body", "missing.json"}, "--body"},
		"too many tokens":    {[]string{"--url", p.URL, "--token", "a", "--token", "b"}, "2 tokens for 1 servers"},
		"too many processes": {[]string{"--url", p.URL, "--pid", "1,2"}, "2 processes for 1 servers"},
		"an unknown process": {[]string{"--url", p.URL, "--token", "token", "--pid", "999999999"}, "999999999"},
		"a wrong token":      {[]string{"--url", p.URL, "--token", "other"}, "401"},
		"a redirect":         {[]string{"--url", p.URL, "--token", "token", "--path", "/moved"}, "301"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := drive(t, c.args...)
			require.ErrorContains(t, err, c.wants)
		})
	}
}
