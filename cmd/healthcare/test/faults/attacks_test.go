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

// a network that uses a shared resource at full speed does not stop clients of other networks. Each
// attack runs against the real binary on the limits that ship; a bystander goes on meanwhile. At least 99 % of the
// bystander's requests succeed. How long they take is reported beside an idle server's: attackers share the machine.

// attackCase is one of them. A resource that is added later adds a line to attacks.
type attackCase struct {
	name string
	// prepare makes what the attack needs, before the idle server is measured.
	prepare func(a *attackSetup)
	// step is what each of the attackers does, over and over, until the context ends.
	step      func(ctx context.Context, a *attackSetup, n int)
	attackers int
	bystander func(a *attackSetup) int // its status; default: a page of patients
	every     time.Duration            // pause between the bystander's requests; default 5 ms
	memory    int                      // MiB that the process may grow; 0: not held
	same      bool                     // the bystander is in the attacker's network
	direct    bool                     // networks are connections' own addresses, and no proxy's
	unread    bool                     // nobody reads the log
}

var attackCases = []attackCase{
	{
		name:      "slow readers of the largest page",
		prepare:   (*attackSetup).largePatients,
		step:      readSlowly,
		attackers: 64,
		memory:    64,
	},
	{name: "bodies that never end", step: sendUnfinishedBody, attackers: 2000, bystander: (*attackSetup).create,
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
		name:      "searches for six words that count",
		prepare:   (*attackSetup).manyDoctors,
		step:      sending("GET", "/api/doctors/?limit=1&search=a+e+i+n+r+s", nil, "Prefer", "count=exact"),
		attackers: 16,
	},
	{
		name:      "pages of the directory that count",
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
		name:      "creating rows, and a bystander who creates one as well",
		step:      sending("POST", "/api/patients/", object{"name": "Row", "age": 1, "gender": "Other"}),
		attackers: 16,
		bystander: (*attackSetup).create,
		every:     20 * time.Millisecond,
	},
	{name: "requests while nobody reads the log", step: sending("GET", "/livez", nil), attackers: 16, unread: true},
}

func TestR58_BystandersAreServedDuringAttacks(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("attackers at full speed for minutes: they run with SOAK=1 (task soak)")
	}
	if runtime.GOOS != "linux" {
		t.Skip("it reads /proc, and uses all of 127.0.0.0/8")
	}
	for _, one := range attackCases {
		t.Run(one.name, func(t *testing.T) {
			harness.EachEnv(t, func(t *testing.T, p harness.Env, db database.Config) { one.run(t, p, db) })
		})
	}
}

// attackSetup is a running service, an attacker who is signed in, and the bystander.
type attackSetup struct {
	t         *testing.T
	base      string
	attacker  *attackClient
	bystander *attackClient
}

const attackLasts = 6 * time.Second

func (one attackCase) run(t *testing.T, p harness.Env, db database.Config) {
	env := []string{"AUDIT_KEY=" + harness.AuditKey, "SECRET_KEY=" + harness.SecretKey}
	if !one.direct {
		env = append(env, "TRUSTED_PROXIES=127.0.0.0/8")
	}
	if db.URL != "" {
		env = append(env, "DATABASE_URL="+db.URL)
	} else {
		env = append(env, "DATA_DIR="+p.Folder)
	}
	path, err := harness.Binary()
	require.NoError(t, err)
	r := harness.NewEnv(t).With(env...).CommandWith(path, func(c *exec.Cmd) {
		if one.unread {
			c.Stderr, _ = harness.UnreadPipe(t)
		}
	})
	a := &attackSetup{t: t, base: r.WaitReady()}
	a.attacker, a.bystander = a.visitor("127.0.7.7", one.direct), a.visitor("127.0.9.9", one.direct)
	a.attacker.signUp("mallory")
	a.bystander.signUp("asha")
	a.bystander.do(t.Context(), "POST", "/api/patients/", object{"name": "Ananya", "age": 31, "gender": "Female"})
	if one.prepare != nil {
		one.prepare(a)
	}
	if one.same {
		a.bystander.network = a.attacker.network
		a.signIn() // known from here
	}
	if one.bystander == nil {
		one.bystander = (*attackSetup).read
	}
	if one.every == 0 {
		one.every = 5 * time.Millisecond
	}
	rate, before, _ := one.watchBystander(a, time.After(attackLasts/2))
	require.InDelta(t, 1, rate, 0, "an idle server serves")
	resident := harness.ProcessMemory(t, r.Cmd.Process.Pid, "VmRSS")
	// the peak begins anew (proc(5))
	require.NoError(t, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", r.Cmd.Process.Pid), []byte("5"), 0))

	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for n := range one.attackers {
		all.Go(func() {
			for ctx.Err() == nil {
				one.step(ctx, a, n)
			}
		})
	}
	time.Sleep(500 * time.Millisecond)
	rate, during, failures := one.watchBystander(a, time.After(attackLasts))
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
	require.GreaterOrEqual(t, rate, 0.99, "the bystander is kept from working:%s", failures)
	if one.memory > 0 {
		require.LessOrEqual(t, grown, one.memory, "MiB")
	}
}

// watchBystander has the bystander go on until then: which part of its requests succeeded, their p99, and the other
// statuses.
func (one attackCase) watchBystander(a *attackSetup, until <-chan time.Time) (rate float64, p99 time.Duration,
	failures string) {
	var took []time.Duration
	good, seen := 0, map[int]int{}
	for {
		began := time.Now()
		status := one.bystander(a)
		took = append(took, time.Since(began))
		if status/100 == 2 {
			good++
		} else {
			seen[status]++
		}
		select {
		case <-until:
			slices.Sort(took)
			if len(seen) > 0 {
				failures = fmt.Sprint(", other answers ", seen)
			}
			return float64(good) / float64(len(took)), took[len(took)*99/100], failures
		case <-time.After(one.every):
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

func (a *attackSetup) visitor(network string, direct bool) *attackClient {
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

// do sends a request and returns the status, 0 for no answer.
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
	answer, err := v.http.Do(request)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, nil
	}
	return answer.StatusCode, raw
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

// holdIdleConnection opens a connection, sends one request and then nothing. A connection that is refused is tried
// again.
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

// sendUnfinishedBody sends most of a large body over a connection of its own, without signing in, and waits.
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

// readSlowly asks for the largest page, and takes a little of it at a time.
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

// fill makes n resources of the attacker's.
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
	require.Zero(a.t, failed.Load(), "of %s", path)
}
