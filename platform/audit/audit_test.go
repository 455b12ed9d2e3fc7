package audit_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
)

func TestEveryActionHasTheCodesOfAnAuditEvent(t *testing.T) {
	for _, action := range []audit.Action{
		audit.Login, audit.LoginFailed, audit.Refresh, audit.RefreshReused, audit.Logout, audit.PasswordChanged,
		audit.RoleChanged, audit.Read, audit.List, audit.Search, audit.Create, audit.Update, audit.Delete,
		audit.Invited, audit.Withdrawn, audit.Granted, audit.Transferred, audit.Linked, audit.Unlinked,
		audit.Refused, audit.TrailRead,
		audit.TrailPruned,
	} {
		event, known := action.Event()
		require.True(t, known, action)
		require.Contains(t, []string{"rest", "110101", "110113", "110114"}, event.Type, action)
		require.NotEmpty(t, event.Subtype, action)
		require.Contains(t, []string{"C", "R", "U", "D", "E"}, event.Code, action)
	}
	t.Run("an unknown action has none", func(t *testing.T) {
		for _, unknown := range []audit.Action{"", "Login", "drop"} {
			_, known := unknown.Event()
			require.False(t, known, unknown)
		}
	})
}

func TestEveryOutcomeHasTheCodeOfAnAuditEvent(t *testing.T) {
	for outcome, want := range map[audit.Outcome]string{audit.Success: "0", audit.Denied: "4", audit.Failed: "8"} {
		code, known := outcome.Code()
		require.True(t, known)
		require.Equal(t, want, code)
	}
	_, known := audit.Outcome("").Code()
	require.False(t, known, "there is no default")
}

func TestTheRequestTravelsInTheContext(t *testing.T) {
	request := audit.Request{ID: "r-1", Address: netip.MustParseAddr("192.0.2.7")}
	require.Equal(t, request, audit.RequestOf(audit.WithRequest(t.Context(), request)))
	require.Zero(t, audit.RequestOf(t.Context()))
}

func TestNewEntry(t *testing.T) {
	id := uuid.New()
	t.Run("has the status of the action", func(t *testing.T) {
		for action, status := range map[audit.Action]int{
			audit.Create: 201, audit.Delete: 204, audit.Read: 200, audit.Update: 200,
			audit.Invited: 201, audit.Withdrawn: 204, audit.Granted: 201,
			audit.Linked: 201, audit.Unlinked: 204,
		} {
			require.Equal(t, audit.Entry{
				Action: action, Resource: "Doctor", ResourceID: id, Outcome: audit.Success, Status: status,
			}, audit.NewEntry(action, "Doctor", id))
		}
	})
	t.Run("names the patient", func(t *testing.T) {
		require.Equal(t, id, audit.NewEntry(audit.Read, audit.Patient, id).PatientID)
		require.Equal(t, id, audit.NewRefusal(audit.Patient, id, 404).PatientID)
	})
}

func TestNewListEntries(t *testing.T) {
	ids := make([]uuid.UUID, 2*audit.MaxIDs+1)
	for i := range ids {
		ids[i] = uuid.New()
	}
	entries := audit.NewListEntries(audit.Entry{Action: audit.List, Resource: audit.Patient}, ids)
	require.Len(t, entries, 3)
	var named []uuid.UUID
	for _, entry := range entries {
		require.EqualValues(t, len(ids), entry.Count)
		require.Equal(t, audit.Success, entry.Outcome)
		named = append(named, entry.IDs...)
	}
	require.Equal(t, ids, named)
	empty := audit.NewListEntries(audit.Entry{Action: audit.List}, nil)
	require.Equal(t, []audit.Entry{{Action: audit.List, Outcome: audit.Success, Status: 200}}, empty)
}

func TestWithoutIDs(t *testing.T) {
	ids := make([]uuid.UUID, 2*audit.MaxIDs+1)
	list := audit.NewListEntries(audit.Entry{Action: audit.List, Resource: "Assignment"}, ids)
	patients := audit.NewListEntries(audit.Entry{Action: audit.List, Resource: audit.Patient}, ids[:3])
	counted := audit.WithoutIDs(append(list, patients...))
	require.Len(t, counted, 2)
	for i, count := range []int64{int64(len(ids)), 3} {
		require.Equal(t, count, counted[i].Count)
		require.Empty(t, counted[i].IDs)
	}
	read := audit.NewEntry(audit.Read, audit.Patient, uuid.New())
	require.Equal(t, []audit.Entry{read}, audit.WithoutIDs([]audit.Entry{read}))
}

func TestRecordMissing(t *testing.T) {
	missing, other, unrecorded := errors.New("missing"), errors.New("other"), errors.New("unrecorded")
	refusal := audit.NewRefusal(audit.Patient, uuid.New(), 404)
	record := func(t *testing.T, trail *audittest.Recorder, err error) error {
		t.Helper()
		return audit.RecordMissing(t.Context(), trail, auth.Principal{}, refusal, err, missing)
	}
	t.Run("records a missing record", func(t *testing.T) {
		var trail audittest.Recorder
		require.Equal(t, missing, record(t, &trail, missing))
		require.Len(t, trail.Recorded(), 1)
		require.Equal(t, refusal, trail.Recorded()[0].Entry)
	})
	t.Run("records no other error", func(t *testing.T) {
		var trail audittest.Recorder
		require.Equal(t, other, record(t, &trail, other))
		require.NoError(t, record(t, &trail, nil))
		require.Empty(t, trail.Recorded())
	})
	t.Run("returns the error of the trail", func(t *testing.T) {
		var trail audittest.Recorder
		trail.Refuse(unrecorded)
		require.Equal(t, unrecorded, record(t, &trail, missing))
	})
}
