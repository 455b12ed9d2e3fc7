package process

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/databasetest"
)

// instances are program instances on one database with a client each. Sessions are valid at all of them.
type instances struct {
	t         *testing.T
	env       harness.Env
	instances [3]*harness.Process
	clients   [3]*harness.HTTPClient
}

func startInstances(t *testing.T) *instances {
	s := &instances{t: t, env: harness.NewTolerantEnv(t).With("SECRET_KEY="+harness.SecretKey,
		"DATABASE_URL="+databasetest.OwnPostgres(t).URL(), "APP_ENV=production")}
	for i := range s.instances {
		s.instances[i] = s.env.With("DATA_DIR=" + t.TempDir()).Start() // concurrently, so that their migrations race
	}
	for i, instance := range s.instances {
		s.clients[i] = harness.NewHTTPClient(t, instance.WaitReady())
	}
	return s
}

// as sets the token of every client.
func (s *instances) as(token string) {
	for _, c := range s.clients {
		c.Token = token
	}
}

// reply is the response to one request.
type reply struct {
	status int
	body   object
}

// atOnce sends n equal requests at once, evenly to all instances.
func (s *instances) atOnce(n int, method, path string, body object, headers ...string) (all []reply) {
	s.t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range n {
		wg.Go(func() {
			status, response, err := withHeaders(s.clients[i%3], headers...).Try(method, path, body)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.t.Error(err)
			}
			all = append(all, reply{status, response})
		})
	}
	wg.Wait()
	return all
}

func counts(all []reply) map[int]int {
	n := map[int]int{}
	for _, g := range all {
		n[g.status]++
	}
	return n
}

// withHeaders returns a copy of the client that sends more headers.
func withHeaders(c *harness.HTTPClient, headers ...string) *harness.HTTPClient {
	other := *c
	other.HTTP = &http.Client{Transport: addingHeaders{c.HTTP.Transport, headers}, Timeout: c.HTTP.Timeout}
	return &other
}

type addingHeaders struct {
	http.RoundTripper
	headers []string
}

// RoundTrip implements http.RoundTripper.
func (a addingHeaders) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for i := 0; i < len(a.headers); i += 2 {
		r.Header.Set(a.headers[i], a.headers[i+1])
	}
	return a.RoundTripper.RoundTrip(r)
}

func (s *instances) requireEverywhere(method, path string, status int) {
	s.t.Helper()
	for _, c := range s.clients {
		c.Call(method, path, nil, status)
	}
}

func TestThreeInstances(t *testing.T) {
	t.Parallel()
	s := startInstances(t)
	applied := map[string]int{}
	for _, instance := range s.instances {
		for line := range strings.Lines(instance.Stderr.String()) {
			if _, migration, found := strings.Cut(line, `"migration applied",`); found {
				applied[migration]++
			}
		}
	}
	require.GreaterOrEqual(t, len(applied), 8)
	for migration, times := range applied {
		require.Equal(t, 1, times, "exactly one instance applies %s", migration)
	}

	s.clients[0].Call("POST", "/api/auth/register/", harness.AshaAccount, 201)
	signedIn := s.clients[0].Call("POST", "/api/auth/login/", harness.AshaLogin, 200)
	s.as(signedIn["access"].(string))
	s.requireEverywhere("GET", "/api/patients/", 200)

	steps := []struct {
		name string
		run  func(*instances)
	}{
		{"an Idempotency-Key has one effect", (*instances).testRepeats},
		{"one of several changes of the same version succeeds", (*instances).testRaces},
		{"all instances together limit guesses", (*instances).testGuesses},
		{"an ended session is invalid at all instances", (*instances).testEndedSession},
		{"a killed instance does not affect the others", (*instances).testSurvival},
	}
	t.Run("a refresh token has one successor",
		func(t *testing.T) { s.forTest(t).testRefresh(signedIn["refresh"].(string)) })
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) { step.run(s.forTest(t)) })
	}
	t.Run("all instances record one valid trail", func(t *testing.T) {
		require.Equal(t, 0, s.env.Run("audit", "verify").ExitCode)
		require.NotEqual(
			t, 0, s.env.With("AUDIT_KEY="+strings.ToLower(harness.AuditKey)).Run("audit", "verify").ExitCode,
			"a wrong key fails")
	})
}

// forTest returns a copy of s for a subtest.
func (s *instances) forTest(t *testing.T) *instances {
	other := *s
	other.t = t
	return &other
}

func (s *instances) testRefresh(token string) {
	first := s.atOnce(30, "POST", "/api/auth/refresh/", object{"refresh": token})
	require.Equal(s.t, map[int]int{200: 30}, counts(first))
	for _, g := range first {
		require.Equal(s.t, first[0].body["refresh"], g.body["refresh"])
	}
	next := s.clients[2].Call("POST", "/api/auth/refresh/", object{"refresh": first[0].body["refresh"]}, 200)
	// its successor was used, so that this is a reuse
	s.clients[1].Call("POST", "/api/auth/refresh/", object{"refresh": token}, 401)
	s.requireEverywhere("GET", "/api/patients/", 401)
	s.clients[0].Call("POST", "/api/auth/refresh/", object{"refresh": next["refresh"]}, 401)
	s.as(s.clients[1].Call("POST", "/api/auth/login/", harness.AshaLogin, 200)["access"].(string))
}

func (s *instances) testRepeats() {
	before := len(s.clients[0].List("/api/patients/"))
	ids := map[any]bool{}
	for range 3 {
		for _, g := range s.atOnce(30, "POST", "/api/patients/", harness.VermaPatient, "Idempotency-Key", "one") {
			if g.status == 409 {
				require.Equal(s.t, "idempotency_key_in_flight", g.body["code"])
				continue
			}
			require.Equal(s.t, 201, g.status)
			ids[g.body["id"]] = true
		}
	}
	require.Len(s.t, ids, 1)
	require.Len(s.t, s.clients[1].List("/api/patients/"), before+1)
}

func (s *instances) testRaces() {
	path := "/api/patients/" + s.clients[0].AddPatient() + "/"
	for version := range 5 {
		all := s.atOnce(9, "PATCH", path, object{"notes": uuid.NewString()}, "If-Match",
			`"v`+string(rune('1'+version))+`"`)
		require.Equal(s.t, map[int]int{200: 1, 412: 8}, counts(all))
	}
}

// testGuesses checks the limits: five attempts are free, then a client waits 1 s, then 2 s.
func (s *instances) testGuesses() {
	s.clients[1].Call("POST", "/api/auth/register/",
		object{"name": "Ravi", "email": "ravi@clinic.example", "password": "correct horse"}, 201)
	start := time.Now()
	all := counts(
		s.atOnce(45, "POST", "/api/auth/login/", object{"email": "ravi@clinic.example", "password": "wrong horse"}))
	require.GreaterOrEqual(s.t, all[401], 5)
	require.LessOrEqual(s.t, all[401], 5+int(time.Since(start).Seconds()), "%v", all)
	require.Equal(s.t, 45, all[401]+all[429], "%v", all)
}

func (s *instances) testEndedSession() {
	s.clients[2].Call("POST", "/api/auth/logout/", nil, 204)
	s.requireEverywhere("GET", "/api/patients/", 401)
	login := func() { s.as(s.clients[0].Call("POST", "/api/auth/login/", harness.AshaLogin, 200)["access"].(string)) }
	login()
	s.requireEverywhere("GET", "/api/patients/", 200)
	require.Equal(s.t, 0, s.env.Run("user", "disable", "--yes", "asha@clinic.example").ExitCode)
	s.requireEverywhere("GET", "/api/patients/", 401)
	require.Equal(s.t, 0, s.env.Run("user", "enable", "--yes", "asha@clinic.example").ExitCode)
	login()
}

func (s *instances) testSurvival() {
	stop, senders := make(chan struct{}), sync.WaitGroup{}
	for range 4 { // in flight during the kill
		senders.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _, _ = s.clients[0].Try("POST", "/api/patients/", harness.VermaPatient)
				}
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	s.instances[0].Signal(os.Kill)
	for range 20 {
		for _, c := range s.clients[1:] {
			c.Call("GET", "/api/patients/"+c.AddPatient()+"/", nil, 200)
		}
	}
	close(stop)
	senders.Wait()
}
