package main

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// slow makes a password take about a second, one at a time, so that a request can be caught in flight.
func slow(p place) place {
	return p.with("PASSWORD_HASH_MEMORY=262144", "PASSWORD_HASH_ITERATIONS=4", "PASSWORD_HASH_SLOTS=1", "PASSWORD_HASH_QUEUE=0")
}

type registration struct {
	email  string
	status int
	err    error
}

// inFlight has the program working on a registration when it returns, whose answer the channel will bring: of two at once one is told that the
// gate is full, so the other is inside.
func (c *caller) inFlight() <-chan registration {
	c.t.Helper()
	answers := make(chan registration, 2)
	for i := range 2 {
		email := fmt.Sprintf("asha%d@clinic.example", i)
		go func() {
			status, _, err := c.try("POST", "/api/auth/register/", object{"name": "Asha Rao", "email": email, "password": "correct horse"})
			answers <- registration{email, status, err}
		}()
	}
	refused := <-answers
	require.NoError(c.t, refused.err)
	require.Equal(c.t, 503, refused.status, "the gate should be full; was the hash too fast?")
	return answers
}

func TestR55_ARequestInFlightIsAnswered(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place, _ database.Config) {
		r := slow(p).start()
		c := newCaller(t, r.ready())
		answers := c.inFlight()
		require.Empty(t, answers)
		r.signal(syscall.SIGTERM)
		answered := <-answers
		require.NoError(t, answered.err)
		require.Equal(t, 201, answered.status)
		r.stopped(time.Now())

		again := p.start()
		newCaller(t, again.ready()).call("POST", "/api/auth/register/", object{"name": "Asha", "email": answered.email, "password": "correct horse"}, 409)
		require.Equal(t, 0, again.terminate().code, "what was answered is stored")
	})
}

func TestStopThatTakesTooLong(t *testing.T) {
	t.Parallel()
	r := slow(patient(t)).with("HTTP_SHUTDOWN_TIMEOUT=50ms").start()
	newCaller(t, r.ready()).inFlight()
	r.signal(syscall.SIGTERM)
	o := r.outcome()
	require.Equal(t, exitFailure, o.code, "a request was cut off")
	require.Contains(t, o.lines()[len(o.lines())-1], "healthcare: stop: context deadline exceeded")
}
