package process

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// withSlowHashing limits hashing to one password at a time, of about a second, so that requests stay in flight.
func withSlowHashing(p harness.Env) harness.Env {
	return p.With("PASSWORD_HASH_MEMORY=262144", "PASSWORD_HASH_ITERATIONS=4", "PASSWORD_HASH_SLOTS=1",
		"PASSWORD_HASH_QUEUE=0")
}

type registration struct {
	email  string
	status int
	err    error
}

// startRegistration returns while the program handles a registration. The channel receives its result. Of two requests
// at once, one is rejected because the limit is reached, so that the other is in flight.
func startRegistration(c *harness.HTTPClient) <-chan registration {
	c.T.Helper()
	results := make(chan registration, 2)
	for i := range 2 {
		email := fmt.Sprintf("asha%d@clinic.example", i)
		go func() {
			status, _, err := c.Try("POST", "/api/auth/register/",
				object{"name": "Asha Rao", "email": email, "password": "correct horse"})
			results <- registration{email, status, err}
		}()
	}
	rejected := <-results
	require.NoError(c.T, rejected.err)
	require.Equal(c.T, 503, rejected.status, "the limit must be reached; was the hash too fast?")
	return results
}

func TestR55_StopFinishesRequestsInFlight(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
		r := withSlowHashing(p).Start()
		c := harness.NewHTTPClient(t, r.WaitReady())
		results := startRegistration(c)
		require.Empty(t, results)
		r.Signal(syscall.SIGTERM)
		finished := <-results
		require.NoError(t, finished.err)
		require.Equal(t, 201, finished.status)
		requireStopped(r, time.Now())

		again := p.Start()
		harness.NewHTTPClient(t, again.WaitReady()).Call("POST", "/api/auth/register/",
			object{"name": "Asha", "email": finished.email, "password": "correct horse"}, 409)
		require.Equal(t, 0, again.Terminate().ExitCode, "the acknowledged account is stored")
	})
}

func TestStopTimeout(t *testing.T) {
	t.Parallel()
	r := withSlowHashing(harness.NewTolerantEnv(t)).With("HTTP_SHUTDOWN_TIMEOUT=50ms").Start()
	startRegistration(harness.NewHTTPClient(t, r.WaitReady()))
	r.Signal(syscall.SIGTERM)
	o := r.Wait()
	require.Equal(t, harness.ExitFailure, o.ExitCode, "a request was aborted")
	require.Contains(t, o.StderrLines()[len(o.StderrLines())-1], "healthcare: stop: context deadline exceeded")
}
