package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// a network that uses a shared resource at full speed does not stop clients of other networks. Each attack runs
// against the program with its default limits. At least 99 % of a bystander's requests succeed meanwhile. Their latency
// is only logged, with that of an idle server, because attackers share the machine.

// attackCase is an attack on one shared resource.
type attackCase struct {
	name      string
	prepare   func(a *attackSetup)                             // creates data before the idle server is measured
	step      func(ctx context.Context, a *attackSetup, n int) // repeated by each attacker until ctx ends
	attackers int
	bystander func(a *attackSetup) int // sends a request and returns the status; default: a page of patients
	every     time.Duration            // pause between the bystander's requests; default 5 ms
	memory    int                      // limit of the process's growth in MiB; 0: none
	same      bool                     // the bystander is in the attacker's network
	direct    bool                     // clients connect from their addresses, without a proxy
	unread    bool                     // the log is not read
}

var attackCases = []attackCase{
	{
		name:      "slow readers of the largest page",
		prepare:   (*attackSetup).largePatients,
		step:      readSlowly,
		attackers: 64,
		memory:    64,
	},
	{name: "unfinished bodies", step: sendUnfinishedBody, attackers: 2000, bystander: (*attackSetup).create,
		memory: 128},
	{
		name:      "reads over many connections",
		step:      sending("GET", "/api/patients/?limit=5", nil),
		attackers: 200,
	},
	{name: "registrations", step: register, attackers: 24, bystander: (*attackSetup).signIn,
		every: 50 * time.Millisecond},
	{name: "wrong passwords", step: guessPassword, attackers: 24, bystander: (*attackSetup).signIn,
		every: 50 * time.Millisecond},
	{
		name:      "wrong passwords from the bystander's own network",
		step:      guessPassword,
		attackers: 4,
		bystander: (*attackSetup).signIn,
		every:     50 * time.Millisecond,
		same:      true,
	},
	{name: "wrong passwords, and a session in the same network", step: guessPassword, attackers: 4, same: true},
	{name: "idle connections", step: holdIdleConnection, attackers: 4200, direct: true,
		bystander: (*attackSetup).connect},
	{
		name:      "counted searches for six words",
		prepare:   (*attackSetup).manyDoctors,
		step:      sending("GET", "/api/doctors/?limit=1&search=a+e+i+n+r+s", nil, "Prefer", "count=exact"),
		attackers: 16,
	},
	{
		name:      "counted pages of the directory",
		prepare:   (*attackSetup).manyDoctors,
		step:      sending("GET", "/api/doctors/?limit=500&ordering=name", nil, "Prefer", "count=exact"),
		attackers: 16,
	},
	{
		name:      "filters without a match",
		prepare:   (*attackSetup).manyDoctors,
		step:      sending("GET", "/api/doctors/?specialization=Dermatology&experience_min=60&ordering=name", nil),
		attackers: 16,
	},
	{
		name:      "HEAD of lists",
		prepare:   (*attackSetup).manyPatients,
		step:      sending("HEAD", "/api/patients/?limit=500", nil),
		attackers: 16,
	},
	{
		name:      "creating rows",
		step:      sending("POST", "/api/patients/", object{"name": "Row", "age": 1, "gender": "Other"}),
		attackers: 16,
	},
	{
		name:      "creating rows while the bystander creates rows",
		step:      sending("POST", "/api/patients/", object{"name": "Row", "age": 1, "gender": "Other"}),
		attackers: 16,
		bystander: (*attackSetup).create,
		every:     20 * time.Millisecond,
	},
	{name: "requests while the log is not read", step: sending("GET", "/livez", nil), attackers: 16, unread: true},
}

func TestR58_BystandersDuringAttacks(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("takes minutes: set SOAK=1 (task soak)")
	}
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc and all of 127.0.0.0/8")
	}
	for _, attack := range attackCases {
		t.Run(attack.name, func(t *testing.T) {
			harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) { attack.run(t, p, db) })
		})
	}
}

// attackSetup has a running service, and an attacker and a bystander who are signed in.
type attackSetup struct {
	t         *testing.T
	base      string
	attacker  *attackClient
	bystander *attackClient
}

const attackLasts = 6 * time.Second

func (c attackCase) run(t *testing.T, p harness.Env, db database.Config) {
	env := []string{"AUDIT_KEY=" + harness.AuditKey, "SECRET_KEY=" + harness.SecretKey}
	if !c.direct {
		env = append(env, "TRUSTED_PROXIES=127.0.0.0/8")
	}
	if db.URL != "" {
		env = append(env, "DATABASE_URL="+db.URL)
	} else {
		env = append(env, "DATA_DIR="+p.Folder)
	}
	path, err := harness.Binary()
	require.NoError(t, err)
	r := harness.NewEnv(t).With(env...).CommandWith(path, func(cmd *exec.Cmd) {
		if c.unread {
			cmd.Stderr, _ = harness.UnreadPipe(t)
		}
	})
	a := &attackSetup{t: t, base: r.WaitReady()}
	a.attacker, a.bystander = a.newClient("127.0.7.7", c.direct), a.newClient("127.0.9.9", c.direct)
	a.attacker.signUp("mallory")
	a.bystander.signUp("asha")
	a.bystander.do(t.Context(), "POST", "/api/patients/", object{"name": "Ananya", "age": 31, "gender": "Female"})
	if c.prepare != nil {
		c.prepare(a)
	}
	if c.same {
		a.bystander.network = a.attacker.network
		a.signIn() // makes the network known
	}
	if c.bystander == nil {
		c.bystander = (*attackSetup).read
	}
	if c.every == 0 {
		c.every = 5 * time.Millisecond
	}
	rate, before, _ := c.watchBystander(a, time.After(attackLasts/2))
	require.InDelta(t, 1, rate, 0, "the server is idle")
	resident := harness.ProcessMemory(t, r.Cmd.Process.Pid, "VmRSS")
	// resets the peak (proc(5))
	require.NoError(t, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", r.Cmd.Process.Pid), []byte("5"), 0))

	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for n := range c.attackers {
		all.Go(func() {
			for ctx.Err() == nil {
				c.step(ctx, a, n)
			}
		})
	}
	time.Sleep(500 * time.Millisecond)
	rate, during, failures := c.watchBystander(a, time.After(attackLasts))
	grown := (harness.ProcessMemory(t, r.Cmd.Process.Pid, "VmHWM") - resident) >> 10
	cancel()
	all.Wait()
	t.Logf(
		"success %.1f %%, p99 %s (idle %s, %.1f times), +%d MiB%s",
		100*rate,
		during.Round(time.Millisecond),
		before.Round(time.Millisecond),
		float64(during)/float64(before),
		grown,
		failures,
	)
	require.GreaterOrEqual(t, rate, 0.99, "the bystander's requests fail:%s", failures)
	if c.memory > 0 {
		require.LessOrEqual(t, grown, c.memory, "MiB")
	}
}

// watchBystander sends the bystander's requests until then, and returns the share that succeeded, their p99 and the
// other statuses.
func (c attackCase) watchBystander(a *attackSetup, until <-chan time.Time) (rate float64, p99 time.Duration,
	failures string) {
	var durations []time.Duration
	good, seen := 0, map[int]int{}
	for {
		start := time.Now()
		status := c.bystander(a)
		durations = append(durations, time.Since(start))
		if status/100 == 2 {
			good++
		} else {
			seen[status]++
		}
		select {
		case <-until:
			slices.Sort(durations)
			if len(seen) > 0 {
				failures = fmt.Sprint(", other statuses ", seen)
			}
			return float64(good) / float64(len(durations)), durations[len(durations)*99/100], failures
		case <-time.After(c.every):
		}
	}
}

// attackClient sends requests from a network.
type attackClient struct {
	t              *testing.T
	base, network  string
	direct         bool
	token, address string
	http           *http.Client
}

func (a *attackSetup) newClient(network string, direct bool) *attackClient {
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	v := &attackClient{
		t:       a.t,
		base:    a.base,
		network: network,
		direct:  direct,
		http:    &http.Client{Timeout: 10 * time.Second, Transport: transport},
	}
	transport.DialContext = v.dial
	a.t.Cleanup(transport.CloseIdleConnections)
	return v
}

func (v *attackClient) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	if v.direct {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(v.network)}
	}
	return d.DialContext(ctx, network, address)
}

// do sends a request and returns the status, or 0 without a response, and the body.
func (v *attackClient) do(ctx context.Context, method, path string, body any, headers ...string) (int, []byte) {
	var sent io.Reader
	if body != nil {
		raw, _ := json.Marshal(body)
		sent = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, v.base+path, sent)
	if err != nil {
		return 0, nil
	}
	request.Header.Set("Content-Type", "application/json")
	if v.token != "" {
		request.Header.Set("Authorization", "Bearer "+v.token)
	}
	if !v.direct {
		request.Header.Set("X-Forwarded-For", v.network)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := v.http.Do(request)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil
	}
	return response.StatusCode, raw
}

const attackPassword = "correct horse battery"

func (v *attackClient) signUp(name string) {
	v.address = name + "@clinic.example"
	status, raw := v.do(
		v.t.Context(),
		"POST",
		"/api/auth/register/",
		object{"name": name, "email": v.address, "password": attackPassword},
	)
	require.Equal(v.t, 201, status, "%s", raw)
	status, raw = v.signIn()
	require.Equal(v.t, 200, status, "%s", raw)
	var tokens struct{ Access string }
	require.NoError(v.t, json.Unmarshal(raw, &tokens))
	v.token = tokens.Access
}

func (v *attackClient) signIn() (int, []byte) {
	return v.do(v.t.Context(), "POST", "/api/auth/login/", object{"email": v.address, "password": attackPassword})
}

// Requests of a bystander.

func (a *attackSetup) read() int {
	status, _ := a.bystander.do(a.t.Context(), "GET", "/api/patients/?limit=5", nil)
	return status
}

func (a *attackSetup) create() int {
	status, _ := a.bystander.do(a.t.Context(), "POST", "/api/patients/",
		object{"name": "N", "age": 1, "gender": "Other"})
	return status
}

func (a *attackSetup) signIn() int {
	status, _ := a.bystander.signIn()
	return status
}

// connect reads over a new connection.
func (a *attackSetup) connect() int {
	a.bystander.http.CloseIdleConnections()
	return a.read()
}

// Requests of the attackers.

// sending returns a step of one request, as the attacker's user.
func sending(method, path string, body any, headers ...string) func(context.Context, *attackSetup, int) {
	return func(ctx context.Context, a *attackSetup, _ int) { a.attacker.do(ctx, method, path, body, headers...) }
}

func register(ctx context.Context, a *attackSetup, _ int) {
	a.attacker.do(
		ctx,
		"POST",
		"/api/auth/register/",
		object{"name": "M", "email": uuid.NewString() + "@clinic.example", "password": attackPassword},
	)
}

func guessPassword(ctx context.Context, a *attackSetup, n int) {
	a.attacker.do(
		ctx,
		"POST",
		"/api/auth/login/",
		object{"email": fmt.Sprintf("somebody%d@clinic.example", n), "password": uuid.NewString()},
	)
}

// holdIdleConnection opens a connection, sends one request and then nothing until ctx ends or the server closes it.
func holdIdleConnection(ctx context.Context, a *attackSetup, _ int) {
	conn, err := a.attacker.dial(ctx, "tcp", strings.TrimPrefix(a.base, "http://"))
	if err != nil {
		time.Sleep(50 * time.Millisecond)
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
	closed := make(chan struct{})
	go func() { defer close(closed); _, _ = io.Copy(io.Discard, conn) }()
	select {
	case <-ctx.Done():
	case <-closed:
		time.Sleep(50 * time.Millisecond)
	}
}

// sendUnfinishedBody sends most of a large body over a new connection, without a token, and waits.
func sendUnfinishedBody(ctx context.Context, a *attackSetup, _ int) {
	conn, err := a.attacker.dial(ctx, "tcp", strings.TrimPrefix(a.base, "http://"))
	if err != nil {
		time.Sleep(50 * time.Millisecond)
		return
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_, _ = fmt.Fprintf(conn, "POST /api/patients/ HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: %s\r\n"+
		"Content-Length: 65000\r\n\r\n%s", a.attacker.network, strings.Repeat(" ", 60_000))
	_, _ = io.Copy(io.Discard, conn)
}

// readSlowly requests the largest page and reads 256 bytes every 100 ms.
func readSlowly(ctx context.Context, a *attackSetup, _ int) {
	conn, err := a.attacker.dial(ctx, "tcp", strings.TrimPrefix(a.base, "http://"))
	if err != nil {
		time.Sleep(50 * time.Millisecond)
		return
	}
	defer func() { _ = conn.Close() }()
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	_, _ = fmt.Fprintf(
		conn,
		"GET /api/patients/?limit=500 HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: %s\r\nAuthorization: Bearer %s\r\n\r\n",
		a.attacker.network,
		a.attacker.token,
	)
	for ctx.Err() == nil {
		if _, err := conn.Read(make([]byte, 256)); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Data that exists before the attack.

func (a *attackSetup) largePatients() {
	a.fill(500, "/api/patients/", func(int) object {
		return object{"name": "Large", "age": 1, "gender": "Other", "notes": strings.Repeat("n", 10_000)}
	})
}

func (a *attackSetup) manyPatients() {
	a.fill(1000, "/api/patients/", func(int) object { return object{"name": "Many", "age": 1, "gender": "Other"} })
}

func (a *attackSetup) manyDoctors() {
	a.fill(5000, "/api/doctors/", func(n int) object {
		return object{
			"name":           fmt.Sprintf("Dr. Adrian Ernest Insriel %d", n),
			"specialization": "Dermatology",
			"experience":     n % 50,
		}
	})
}

// fill creates n resources as the attacker.
func (a *attackSetup) fill(n int, path string, body func(n int) object) {
	a.t.Helper()
	var all sync.WaitGroup
	var next, failed atomic.Int64
	for range 8 {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				for tries := 0; ; tries++ {
					status, _ := a.attacker.do(a.t.Context(), "POST", path, body(int(i)))
					if status == 201 {
						break
					}
					if tries == 50 {
						failed.Add(1)
						break
					}
					time.Sleep(100 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	require.Zero(a.t, failed.Load(), "%s", path)
}
