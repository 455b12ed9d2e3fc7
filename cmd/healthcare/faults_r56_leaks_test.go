package main

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

	"healthcare/platform/database"
)

// floods are the ways to use the program, and to misuse it; each is one request.
var floods = []struct {
	name string
	one  func(c *caller, i int)
}{
	{"served", func(c *caller, i int) {
		if i%2 == 0 {
			_, _, _ = c.try("GET", "/api/patients/?limit=5", nil)
			return
		}
		_, _, _ = c.try("POST", "/api/patients/", verma)
	}},
	{"refused", func(c *caller, i int) {
		switch i % 4 {
		case 0:
			_, _, _ = (&caller{base: c.base, http: c.http}).try("GET", "/api/patients/", nil)
		case 1:
			_, _, _ = c.try("POST", "/api/patients/", object{"name": strings.Repeat("a", 100_000)})
		case 2:
			c.raw("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", true)
		case 3:
			c.raw("NONSENSE\r\n\r\n", true)
		}
	}},
	{"aborted", func(c *caller, i int) {
		post := "POST /api/patients/ HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + c.token + "\r\nContent-Type: application/json\r\nContent-Length: 43\r\n\r\n"
		whole := post + `{"name":"Asha","age":31,"gender":"Female"} `
		c.raw(whole[:len(whole)-i%2*20], false)
	}},
	{"slow", func(c *caller, i int) { c.raw(slowly[i%len(slowly)], true) }},
}

// raw sends bytes over a connection of their own, and waits for the server to close it or resets it.
func (c *caller) raw(bytes string, wait bool) {
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(c.base, "http://"), time.Second)
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

// flood runs n requests, atOnce at a time.
func (c *caller) flood(n, atOnce int, one func(c *caller, i int)) {
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() { one(c, i); <-slots })
	}
	all.Wait()
	c.http.CloseIdleConnections()
}

// after floods of requests that are served, refused, aborted and slow, more at once than there may be connections, the program has as many
// file descriptors and goroutines as one that has served a little.
func TestR56_Leaks(t *testing.T) {
	t.Parallel()
	const atOnce, connections = 48, 40 // so some are told that there are too many
	each := soaking(t, 200, 20_000)
	eachPlace(t, func(t *testing.T, p place, _ database.Config) {
		p = p.with("HTTP_READ_TIMEOUT=300ms", fmt.Sprint("HTTP_CONNECTIONS=", connections))
		started := func() (*program, *caller) {
			r := p.start()
			c := newCaller(t, r.ready())
			c.http.Timeout = 5 * time.Second
			c.token = ""
			if status, _, err := c.try("POST", "/api/auth/register/", asha); err != nil || status != 201 && status != 409 {
				t.Fatal(status, err)
			}
			c.token = c.call("POST", "/api/auth/login/", ashaLogin, 200)["access"].(string)
			c.flood(200, connections, floods[0].one) // the pools are full
			return r, c
		}
		const pools = 8 * 3 // connections that nobody needed before: a reader of SQLite has three files
		// fasthttp keeps an idle worker for ten seconds: a plain run allows for them, a long one waits until they are gone.
		slack, settle := 4*connections, time.Duration(0)
		if each > 1000 {
			slack, settle = 4, 25*time.Second
		}
		quiet, _ := started()
		time.Sleep(settle)
		calm := quiet.goroutines()

		r, c := started()
		before := r.files()
		for _, flood := range floods {
			n := each
			if flood.name == "slow" {
				n = each / 5
			}
			c.flood(n, atOnce, flood.one)
			until(t, 10*time.Second, flood.name+": file descriptors stay", func() bool { return r.files() <= before+pools })
		}
		c.call("GET", "/readyz", nil, 200)
		c.http.CloseIdleConnections()
		time.Sleep(settle)
		files, after := r.files(), r.goroutines()
		t.Logf("%d requests of each kind: %d file descriptors before, %d after; %d goroutines when calm, %d after", each, before, files, len(calm), len(after))
		require.LessOrEqual(t, len(after), len(calm)+slack, "%s", grouped(after))
	})
}

// files is how many file descriptors the program has open.
func (r *program) files() int {
	r.t.Helper()
	if runtime.GOOS != "linux" {
		r.t.Log("file descriptors are counted on Linux only")
		return 0
	}
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.cmd.Process.Pid))
	require.NoError(r.t, err)
	return len(all)
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[.*\]:$`)

// goroutines ends the program as one asks a Go program what it is doing, and gives its goroutines' stacks.
func (r *program) goroutines() []string {
	r.t.Helper()
	r.signal(syscall.SIGQUIT)
	<-r.ended
	said := r.stderr.String()
	begins := goroutine.FindAllStringIndex(said, -1)
	var stacks []string
	for i, at := range begins {
		end := len(said)
		if i+1 < len(begins) {
			end = begins[i+1][0]
		}
		stacks = append(stacks, said[at[1]:end])
	}
	require.NotEmpty(r.t, stacks)
	return stacks
}

var createdBy = regexp.MustCompile(`(?m)^created by (\S+)`)

// grouped says how many goroutines there are of each origin.
func grouped(stacks []string) string {
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
