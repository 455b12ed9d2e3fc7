package faults

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// soakValue returns full if SOAK=1 is set (task soak), else quick.
func soakValue(t *testing.T, quick, full int) int {
	t.Helper()
	if os.Getenv("SOAK") == "1" {
		return full
	}
	t.Logf("%d of %d: the rest runs with SOAK=1 (task soak)", quick, full)
	return quick
}

// limit returns the strict limit if SOAK=1 is set, else the loose one, because other tests slow the machine down.
func limit(strict, loose time.Duration) time.Duration {
	if os.Getenv("SOAK") == "1" {
		return strict
	}
	return loose
}

// newDefaultEnv returns an environment with the default limits, except for a cheap password hash.
func newDefaultEnv(t *testing.T) harness.Env {
	return harness.NewEnv(t).With("AUDIT_KEY="+harness.AuditKey, "SECRET_KEY="+harness.SecretKey,
		"DATABASE_SLOW_QUERY=0s", "PASSWORD_HASH_MEMORY=64", "PASSWORD_HASH_ITERATIONS=1")
}

// exchange is a request and its response.
type exchange struct {
	what    string // method and kind of request
	at      time.Time
	elapsed time.Duration
	harness.HTTPResponse
	err error
}

// load runs clients that write and read without a pause, and records the responses. databaseCheck compares them with
// the database.
type load struct {
	*harness.HTTPClient
	stopping atomic.Bool
	clients  sync.WaitGroup

	mu        sync.Mutex
	exchanges []exchange
	added     map[string]string // Idempotency-Key, which is also in the notes -> id of an acknowledged patient
	pending   []string          // keys without an acknowledgement, which are sent again first
	amended   map[string][2]int // patient -> the last acknowledged number and the last sent number
	removed   map[string]bool   // patient -> acknowledged
}

func newLoad(c *harness.HTTPClient) *load {
	return &load{HTTPClient: c, added: map[string]string{}, amended: map[string][2]int{}, removed: map[string]bool{}}
}

// setURL continues the load on a restarted program.
func (l *load) setURL(base string) {
	l.URL = base
	l.HTTP.CloseIdleConnections()
	l.stopping.Store(false)
}

// start runs ten clients, more than the pool has connections. Each runs until stop or until a request has no response.
func (l *load) start() {
	for range 4 {
		l.client(l.add)
	}
	for range 2 {
		l.client(l.newAmender())
	}
	l.client(l.remove)
	for range 3 {
		l.client(l.read)
	}
}

func (l *load) client(step func() error) {
	l.clients.Go(func() {
		for !l.stopping.Load() {
			if step() != nil {
				return
			}
		}
	})
}

func (l *load) stop() {
	l.stopping.Store(true)
	l.clients.Wait()
}

// sendRecorded sends a request and records the response. If that has Retry-After, it waits 20 ms instead of the 1 s
// there.
func (l *load) sendRecorded(what, method, path string, body object, headers ...string) (harness.HTTPResponse, error) {
	at := time.Now()
	response, err := l.Send(method, path, body, headers...)
	l.mu.Lock()
	l.exchanges = append(l.exchanges, exchange{what, at, time.Since(at), response, err})
	l.mu.Unlock()
	if response.RetryAfter != "" {
		time.Sleep(20 * time.Millisecond)
	}
	return response, err
}

// add adds a patient with an Idempotency-Key. It first repeats requests that were not acknowledged.
func (l *load) add() error {
	key := uuid.NewString()
	l.mu.Lock()
	if len(l.pending) > 0 {
		key, l.pending = l.pending[0], l.pending[1:]
	}
	l.mu.Unlock()
	response, err := l.sendRecorded("add", "POST", "/api/patients/",
		object{"name": "Ananya Verma", "age": 31, "gender": "Female", "notes": key}, "Idempotency-Key", key)
	l.mu.Lock()
	defer l.mu.Unlock()
	if response.Status == 201 {
		l.added[key] = response.Body["id"].(string)
	} else {
		l.pending = append(l.pending, key)
	}
	return err
}

// newAmender returns a step that writes increasing numbers to the notes of its patient.
func (l *load) newAmender() func() error {
	var patient string
	return func() error {
		if patient == "" {
			response, err := l.sendRecorded("amend", "POST", "/api/patients/",
				object{"name": "Ravi Shah", "age": 40, "gender": "Male", "notes": "0"})
			if response.Status == 201 {
				patient = response.Body["id"].(string)
				l.recordNotes(patient, 0, 0)
			}
			return err
		}
		l.mu.Lock()
		numbers := l.amended[patient]
		l.mu.Unlock()
		next := numbers[1] + 1
		l.recordNotes(patient, numbers[0], next)
		response, err := l.sendRecorded("amend", "PATCH", "/api/patients/"+patient+"/",
			object{"notes": fmt.Sprint(next)})
		if response.Status == 200 {
			l.recordNotes(patient, next, next)
		}
		return err
	}
}

func (l *load) recordNotes(patient string, acknowledged, sent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.amended[patient] = [2]int{acknowledged, sent}
}

// remove adds a patient and removes it.
func (l *load) remove() error {
	response, err := l.sendRecorded("remove", "POST", "/api/patients/",
		object{"name": "Mira Sen", "age": 50, "gender": "Other"})
	if response.Status != 201 {
		return err
	}
	patient := response.Body["id"].(string)
	response, err = l.sendRecorded("remove", "DELETE", "/api/patients/"+patient+"/", nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removed[patient] = response.Status == 204
	return err
}

func (l *load) read() error {
	_, err := l.sendRecorded("read", "GET", "/api/patients/?limit=5", nil)
	return err
}

// recorded returns the exchanges so far in the order of the requests.
func (l *load) recorded() []exchange {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.exchanges)
	slices.SortStableFunc(all, func(a, b exchange) int { return a.at.Compare(b.at) })
	return all
}

// acknowledged returns the number of successful writes.
func (l *load) acknowledged() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.exchanges {
		if one.what != "read" && one.Status/100 == 2 {
			n++
		}
	}
	return n
}

// statuses returns the number of exchanges by status, where 0 is no response.
func statuses(all []exchange) string {
	n := map[int]int{}
	for _, one := range all {
		n[one.Status]++
	}
	text := ""
	for _, status := range slices.Sorted(maps.Keys(n)) {
		text += fmt.Sprintf(" %d×%d", n[status], status)
	}
	return text
}

// waitUntil waits until a condition is true, and fails with the message what after limit.
func waitUntil(t testing.TB, limit time.Duration, what string, condition func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !condition() {
		require.Less(t, time.Since(start), limit, what)
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(start)
}
