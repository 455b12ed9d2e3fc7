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

// Faults are tested with real processes, under load, and on the limits that ship. `task soak` (SOAK=1) runs them in
// full length; a plain run logs what it leaves out.

// soakValue is full when the long versions are asked for, else quick.
func soakValue(t *testing.T, quick, full int) int {
	t.Helper()
	if os.Getenv("SOAK") == "1" {
		return full
	}
	t.Logf("%d of %d: the rest runs with SOAK=1 (task soak)", quick, full)
	return quick
}

// limit is a time that the program promises. Only a run of its own (SOAK=1) holds it to that: beside other tests a
// machine is slow, and it gets more.
func limit(inFull, beside time.Duration) time.Duration {
	if os.Getenv("SOAK") == "1" {
		return inFull
	}
	return beside
}

// newDefaultEnv is a place with the limits that ship, where only a password costs nothing.
func newDefaultEnv(t *testing.T) harness.Env {
	return harness.NewEnv(t).With("AUDIT_KEY="+harness.AuditKey, "SECRET_KEY="+harness.SecretKey,
		"DATABASE_SLOW_QUERY=0s", "PASSWORD_HASH_MEMORY=64", "PASSWORD_HASH_ITERATIONS=1")
}

// exchange is one answer of the program.
type exchange struct {
	what string // method and kind of request
	at   time.Time
	took time.Duration
	harness.HTTPResponse
	err error
}

// load is clients that write and read without a pause, and keep the responses. databaseCheck compares them with the
// database.
type load struct {
	*harness.HTTPClient
	stopping atomic.Bool
	clients  sync.WaitGroup

	mu        sync.Mutex
	exchanges []exchange
	added     map[string]string // Idempotency-Key, which the patient's notes repeat -> id; acknowledged
	owed      []string          // keys that were sent and not acknowledged; sent again before any other
	amended   map[string][2]int // patient -> the last number that was acknowledged, and the last that was sent
	removed   map[string]bool   // patient -> acknowledged
}

func newLoad(c *harness.HTTPClient) *load {
	return &load{HTTPClient: c, added: map[string]string{}, amended: map[string][2]int{}, removed: map[string]bool{}}
}

// setURL is the same load on a program that was started again.
func (l *load) setURL(base string) {
	l.URL = base
	l.HTTP.CloseIdleConnections()
	l.stopping.Store(false)
}

// start sets off ten clients: more than the pool has connections. Each goes on until stop, or until a request is not
// answered at all.
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

// sendRecorded sends a request and records the response. A client that is asked to retry later waits a moment, not the
// second of Retry-After.
func (l *load) sendRecorded(what, method, path string, body object, headers ...string) (harness.HTTPResponse, error) {
	at := time.Now()
	said, err := l.Send(method, path, body, headers...)
	l.mu.Lock()
	l.exchanges = append(l.exchanges, exchange{what, at, time.Since(at), said, err})
	l.mu.Unlock()
	if said.RetryAfter != "" {
		time.Sleep(20 * time.Millisecond)
	}
	return said, err
}

// add adds a patient with an Idempotency-Key, and repeats what was not acknowledged.
func (l *load) add() error {
	key := uuid.NewString()
	l.mu.Lock()
	if len(l.owed) > 0 {
		key, l.owed = l.owed[0], l.owed[1:]
	}
	l.mu.Unlock()
	said, err := l.sendRecorded("add", "POST", "/api/patients/",
		object{"name": "Ananya Verma", "age": 31, "gender": "Female", "notes": key}, "Idempotency-Key", key)
	l.mu.Lock()
	defer l.mu.Unlock()
	if said.Status == 201 {
		l.added[key] = said.Body["id"].(string)
	} else {
		l.owed = append(l.owed, key)
	}
	return err
}

// newAmender writes ever greater numbers to a patient of its own.
func (l *load) newAmender() func() error {
	var patient string
	return func() error {
		if patient == "" {
			said, err := l.sendRecorded("amend", "POST", "/api/patients/",
				object{"name": "Ravi Shah", "age": 40, "gender": "Male", "notes": "0"})
			if said.Status == 201 {
				patient = said.Body["id"].(string)
				l.recordNotes(patient, 0, 0)
			}
			return err
		}
		l.mu.Lock()
		numbers := l.amended[patient]
		l.mu.Unlock()
		next := numbers[1] + 1
		l.recordNotes(patient, numbers[0], next)
		said, err := l.sendRecorded("amend", "PATCH", "/api/patients/"+patient+"/", object{"notes": fmt.Sprint(next)})
		if said.Status == 200 {
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
	said, err := l.sendRecorded("remove", "POST", "/api/patients/",
		object{"name": "Mira Sen", "age": 50, "gender": "Other"})
	if said.Status != 201 {
		return err
	}
	patient := said.Body["id"].(string)
	said, err = l.sendRecorded("remove", "DELETE", "/api/patients/"+patient+"/", nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removed[patient] = said.Status == 204
	return err
}

func (l *load) read() error {
	_, err := l.sendRecorded("read", "GET", "/api/patients/?limit=5", nil)
	return err
}

// recorded are the answers so far, in the order in which the requests were sent.
func (l *load) recorded() []exchange {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.exchanges)
	slices.SortStableFunc(all, func(a, b exchange) int { return a.at.Compare(b.at) })
	return all
}

// acknowledged is how many writes were.
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

// counts is how often there was each status; 0 is no answer.
func statuses(all []exchange) string {
	n := map[int]int{}
	for _, one := range all {
		n[one.Status]++
	}
	said := ""
	for _, status := range slices.Sorted(maps.Keys(n)) {
		said += fmt.Sprintf(" %d×%d", n[status], status)
	}
	return said
}

// waitUntil waits for something to become true within limit.
func waitUntil(t testing.TB, limit time.Duration, what string, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !is() {
		require.Less(t, time.Since(began), limit, what)
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(began)
}
