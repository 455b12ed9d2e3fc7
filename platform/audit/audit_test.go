package audit_test

import (
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/platform/audit"
)

func TestEveryActionHasTheCodesOfAnAuditEvent(t *testing.T) {
	require.Len(t, audit.Actions(), 16)
	for _, action := range audit.Actions() {
		event, known := action.Event()
		require.True(t, known)
		require.Contains(t, []string{"rest", "110101", "110113", "110114"}, event.Type, action)
		require.NotEmpty(t, event.Subtype, action)
		require.Contains(t, []string{"C", "R", "U", "D", "E"}, event.Code, action)
	}
	t.Run("and what is none has not", func(t *testing.T) {
		for _, none := range []audit.Action{"", "Login", "drop"} {
			_, known := none.Event()
			require.False(t, known, none)
		}
	})
}

func TestEveryOutcomeIsOneOfAnAuditEvent(t *testing.T) {
	for outcome, want := range map[audit.Outcome]string{audit.Success: "0", audit.Denied: "4", audit.Failed: "8"} {
		code, known := outcome.Code()
		require.True(t, known)
		require.Equal(t, want, code)
	}
	_, known := audit.Outcome("").Code()
	require.False(t, known, "nobody has said how it ended")
}

func TestTheRequestTravelsInTheContext(t *testing.T) {
	request := audit.Request{ID: "r-1", Address: netip.MustParseAddr("192.0.2.7")}
	require.Equal(t, request, audit.RequestOf(audit.WithRequest(t.Context(), request)))
	require.Zero(t, audit.RequestOf(t.Context()))
}

func TestAPageIsAsManyEntriesAsItsIDsNeed(t *testing.T) {
	ids := make([]uuid.UUID, 2*audit.MaxIDs+1)
	for i := range ids {
		ids[i] = uuid.New()
	}
	entries := audit.Listed(audit.Entry{Action: audit.List, Resource: audit.Patient}, ids)
	require.Len(t, entries, 3)
	var told []uuid.UUID
	for _, entry := range entries {
		require.EqualValues(t, len(ids), entry.Count)
		require.Equal(t, audit.Success, entry.Outcome)
		told = append(told, entry.IDs...)
	}
	require.Equal(t, ids, told)
	require.Equal(t, []audit.Entry{{Action: audit.List, Outcome: audit.Success, Status: 200}}, audit.Listed(audit.Entry{Action: audit.List}, nil))
}

func TestAnAnswerThatShowsNothingIsACount(t *testing.T) {
	ids := make([]uuid.UUID, 2*audit.MaxIDs+1)
	list := audit.Entry{Action: audit.List, Resource: audit.Assignment}
	patients := audit.Entry{Action: audit.List, Resource: audit.Patient}
	counted := audit.Counted(append(audit.Listed(list, ids), audit.Listed(patients, ids[:3])...))
	require.Len(t, counted, 2)
	for i, count := range []int64{int64(len(ids)), 3} {
		require.Equal(t, count, counted[i].Count)
		require.Empty(t, counted[i].IDs)
	}
	read := audit.Done(audit.Read, audit.Patient, uuid.New())
	require.Equal(t, []audit.Entry{read}, audit.Counted([]audit.Entry{read}))
}
