package audittest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
)

type transactions bool

func (open transactions) InTransaction(context.Context) bool { return bool(open) }

// failures counts the failures of a test instead of failing.
type failures struct {
	testing.TB
	count int
}

func (f *failures) Errorf(string, ...any) { f.count++ }

func TestTransactional(t *testing.T) {
	create := audit.Entry{Action: audit.Create, Resource: "Visit", Outcome: audit.Success}
	for name, c := range map[string]struct {
		open  transactions
		entry audit.Entry
		fails int
	}{
		"accepts a change inside of a transaction":  {true, create, 0},
		"rejects a change outside of a transaction": {false, create, 1},
		"accepts a read outside of a transaction": {
			false, audit.Entry{Action: audit.Read, Resource: "Visit", Outcome: audit.Success}, 0,
		},
		"accepts a refusal outside of a transaction": {
			false, audit.Entry{Action: audit.Refused, Resource: "Visit", Outcome: audit.Denied},
			0},
	} {
		t.Run(name, func(t *testing.T) {
			var next audittest.Recorder
			counted := &failures{TB: t}
			recorder := audittest.Transactional(counted, c.open, &next)
			require.NoError(t, recorder.Record(t.Context(), auth.Principal{}, c.entry))
			require.Equal(t, c.fails, counted.count)
			require.Len(t, next.Recorded(), 1)
		})
	}
}
