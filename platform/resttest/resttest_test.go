package resttest_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/resttest"
)

type response struct {
	Name   string `json:"name"`
	Note   *int   `json:"note,omitempty"`
	Nested nested `json:"nested"`
}

type nested struct {
	Age int `json:"age"`
}

// recorder is a testing.TB that records the failure.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper()                           {}
func (r *recorder) Errorf(format string, args ...any) { r.failure += fmt.Sprintf(format, args...) }
func (r *recorder) FailNow()                          { runtime.Goexit() }

// failureOf returns the failure of RequireEveryMember, "" if it passes.
func failureOf(t *testing.T, filled, empty response) string {
	t.Helper()
	r, done := &recorder{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		resttest.RequireEveryMember(r, filled, empty)
	}()
	<-done
	return r.failure
}

func TestRequireEveryMember(t *testing.T) {
	one, none := 1, 0
	filled, empty := response{"Ann", &one, nested{31}}, response{"", &none, nested{}}
	require.Empty(t, failureOf(t, filled, empty))
	for name, c := range map[string]struct {
		filled, empty response
		failure       string
	}{
		"an empty member":        {response{"", &one, nested{31}}, empty, "response.Name is that of an empty record"},
		"an empty nested member": {response{"Ann", &one, nested{}}, empty, "nested.Age is that of an empty record"},
		"a missing member":       {response{"Ann", nil, nested{31}}, empty, "response is omitted"},
		"a member that an empty record omits": {
			filled, response{"", nil, nested{}}, "response is omitted for an empty record",
		},
	} {
		t.Run("finds "+name, func(t *testing.T) {
			require.Contains(t, failureOf(t, c.filled, c.empty), c.failure)
		})
	}
}
