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

// withSlowHashing makes a password take about a second, one at a time, so that a request can be caught in flight.
func withSlowHashing(p harness.Env) harness.Env {
	return p.With("PASSWORD_HASH_MEMORY=262144", "PASSWORD_HASH_ITERATIONS=4", "PASSWORD_HASH_SLOTS=1",
		"PASSWORD_HASH_QUEUE=0")
}

type registration struct {
	email  string
	status int
	err    error
}

// startRegistration has the program working on a registration when it returns, whose answer the channel will bring: of
// two at once one is refused because the gate is full, so the other is inside.
func startRegistration(c *harness.HTTPClient) <-chan registration {
	c.T.Helper()
	answers := make(chan registration, 2)
	for i := range 2 {
		email := fmt.Sprintf("asha%d@clinic.example", i)
		go func() {
			status, _, err := c.Try("POST", "/api/auth/register/",
				object{"name": "Asha Rao", "email": email, "password": "correct horse"})
			answers <- registration{email, status, err}
		}()
	}
	refused := <-answers
	require.NoError(c.T, refused.err)
	require.Equal(c.T, 503, refused.status, "the gate should be full; was the hash too fast?")
	return answers
}

func TestR55_ARequestInFlightIsAnswered(t *testing.T) {
	t.Parallel()
	harness.EachEnv(t, func(t *testing.T, p harness.Env, _ database.Config) {
		r := withSlowHashing(p).Start()
		c := harness.NewHTTPClient(t, r.WaitReady())
		answers := startRegistration(c)
		require.Empty(t, answers)
		r.Signal(syscall.SIGTERM)
		answered := <-answers
		require.NoError(t, answered.err)
		require.Equal(t, 201, answered.status)
		stopped(r, time.Now())

		again := p.Start()
		harness.NewHTTPClient(t, again.WaitReady()).Call("POST", "/api/auth/register/",
			object{"name": "Asha", "email": answered.email, "password": "correct horse"}, 409)
		require.Equal(t, 0, again.Terminate().ExitCode, "what was answered is stored")
	})
}

func TestStopThatTakesTooLong(t *testing.T) {
	t.Parallel()
	r := withSlowHashing(harness.NewTolerantEnv(t)).With("HTTP_SHUTDOWN_TIMEOUT=50ms").Start()
	startRegistration(harness.NewHTTPClient(t, r.WaitReady()))
	r.Signal(syscall.SIGTERM)
	o := r.Wait()
	require.Equal(t, harness.ExitFailure, o.ExitCode, "a request was cut off")
	require.Contains(t, o.StderrLines()[len(o.StderrLines())-1], "healthcare: stop: context deadline exceeded")
}
