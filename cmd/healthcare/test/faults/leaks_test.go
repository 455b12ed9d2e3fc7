package faults

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// leakCases are the kinds of requests of TestR56_Leaks.
var leakCases = []struct {
	name string
	one  func(c *harness.HTTPClient, i int)
}{
	{"served", func(c *harness.HTTPClient, i int) {
		if i%2 == 0 {
			_, _, _ = c.Try("GET", "/api/patients/?limit=5", nil)
			return
		}
		_, _, _ = c.Try("POST", "/api/patients/", harness.VermaPatient)
	}},
	{"rejected", func(c *harness.HTTPClient, i int) {
		switch i % 4 {
		case 0:
			_, _, _ = (&harness.HTTPClient{URL: c.URL, HTTP: c.HTTP}).Try("GET", "/api/patients/", nil)
		case 1:
			_, _, _ = c.Try("POST", "/api/patients/", object{"name": strings.Repeat("a", 100_000)})
		case 2:
			sendRaw(c, "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
				true)
		case 3:
			sendRaw(c, "NONSENSE\r\n\r\n", true)
		}
	}},
	{"aborted", func(c *harness.HTTPClient, i int) {
		post := "POST /api/patients/ HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + c.Token +
			"\r\nContent-Type: application/json\r\nContent-Length: 43\r\n\r\n"
		whole := post + `{"name":"Asha","age":31,"gender":"Female"} `
		sendRaw(c, whole[:len(whole)-i%2*20], false)
	}},
	{"slow", func(c *harness.HTTPClient, i int) { sendRaw(c, unfinished[i%len(unfinished)], true) }},
}

// sendRaw sends bytes over a new connection, and waits until the server closes it or resets it at once.
func sendRaw(c *harness.HTTPClient, bytes string, wait bool) {
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(c.URL, "http://"), time.Second)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte(bytes))
	if !wait {
		_ = conn.(*net.TCPConn).SetLinger(0)
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	for err == nil {
		_, err = conn.Read(make([]byte, 4096))
	}
}

// sendConcurrently sends n requests, atOnce at a time.
func sendConcurrently(c *harness.HTTPClient, n, atOnce int, one func(c *harness.HTTPClient, i int)) {
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() { one(c, i); <-slots })
	}
	all.Wait()
	c.HTTP.CloseIdleConnections()
}

// TestR56_Leaks sends floods of requests that are served, rejected, aborted and slow, more at once than the limit of
// connections. Afterwards the program has as many file descriptors and goroutines as one that served few requests.
func TestR56_Leaks(t *testing.T) {
	t.Parallel()
	const atOnce, connections = 48, 40 // so that some are rejected
	each := soakValue(t, 200, 20_000)
	harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
		p = p.With("HTTP_READ_TIMEOUT=300ms", fmt.Sprint("HTTP_CONNECTIONS=", connections))
		start := func() (*harness.Process, *harness.HTTPClient) {
			r := p.Start()
			c := harness.NewHTTPClient(t, r.WaitReady())
			c.HTTP.Timeout = 5 * time.Second
			c.Token = ""
			if status, _, err := c.Try("POST", "/api/auth/register/", harness.AshaAccount); err != nil ||
				status != 201 && status != 409 {
				t.Fatal(status, err)
			}
			c.Token = c.Call("POST", "/api/auth/login/", harness.AshaLogin, 200)["access"].(string)
			sendConcurrently(c, 200, connections, leakCases[0].one) // fills the pools
			return r, c
		}
		const pools = 8 * 3 // unused connections of the pool: a reader of SQLite has three files
		// fasthttp keeps an idle worker for 10 s: a short run allows for them, a long one waits until they end.
		slack, settle := 4*connections, time.Duration(0)
		if each > 1000 {
			slack, settle = 4, 25*time.Second
		}
		idle, _ := start()
		time.Sleep(settle)
		baseline := goroutines(idle)

		r, c := start()
		before := files(r)
		for _, flood := range leakCases {
			n := each
			if flood.name == "slow" {
				n = each / 5
			}
			sendConcurrently(c, n, atOnce, flood.one)
			waitUntil(t, 10*time.Second, flood.name+": file descriptors leak",
				func() bool { return files(r) <= before+pools })
		}
		c.Call("GET", "/readyz", nil, 200)
		c.HTTP.CloseIdleConnections()
		time.Sleep(settle)
		files, after := files(r), goroutines(r)
		t.Logf("%d requests of each kind: %d file descriptors before, %d after; %d goroutines when idle, %d after",
			each, before, files, len(baseline), len(after))
		require.LessOrEqual(t, len(after), len(baseline)+slack, "%s", groupByCreator(after))
	})
}

// files returns the number of open file descriptors of the program.
func files(r *harness.Process) int {
	r.T.Helper()
	if runtime.GOOS != "linux" {
		r.T.Log("file descriptors are counted on Linux only")
		return 0
	}
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.Cmd.Process.Pid))
	require.NoError(r.T, err)
	return len(all)
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[.*\]:$`)

// goroutines ends the program by SIGQUIT, which prints all stacks, and returns them.
func goroutines(r *harness.Process) []string {
	r.T.Helper()
	r.Signal(syscall.SIGQUIT)
	<-r.Done
	output := r.Stderr.String()
	starts := goroutine.FindAllStringIndex(output, -1)
	var stacks []string
	for i, at := range starts {
		end := len(output)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		stacks = append(stacks, output[at[1]:end])
	}
	require.NotEmpty(r.T, stacks)
	return stacks
}

var createdBy = regexp.MustCompile(`(?m)^created by (\S+)`)

// groupByCreator returns the number of goroutines of each origin.
func groupByCreator(stacks []string) string {
	n := map[string]int{}
	for _, stack := range stacks {
		origin := "main"
		if m := createdBy.FindStringSubmatch(stack); m != nil {
			origin = m[1]
		}
		n[origin]++
	}
	var lines []string
	for origin, count := range n {
		lines = append(lines, fmt.Sprintf("%6d %s", count, origin))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
