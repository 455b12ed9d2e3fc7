package app_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

func TestRecord(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		t.Run("stores the entry, its actor and its request", func(t *testing.T) {
			who, patient := newStaff(), uuid.New()
			ctx := audit.WithRequest(t.Context(), audit.Request{ID: "r-1", Address: netip.MustParseAddr("2001:db8::7")})
			ids := make([]uuid.UUID, 201)
			for i := range ids {
				ids[i] = uuid.New()
			}
			require.NoError(t, h.Record(ctx, who,
				audit.Entry{
					Action: audit.Search, Resource: audit.Patient, Outcome: audit.Success, Status: 200, IDs: ids,
				},
				audit.Entry{
					Action: audit.Update, Resource: audit.Patient, ResourceID: patient, PatientID: patient,
					Outcome: audit.Success, Status: 200, Fields: []string{"phone", "notes"},
				}))
			entries := h.entries(t)
			require.Len(t, entries, 2)
			first, second := entries[0], entries[1]
			require.Equal(t, domain.Entry{
				Sequence: 1, Time: now, ID: first.ID, RequestID: "r-1", ActorID: who.UserID, Role: "staff",
				SessionID: who.SessionID, Address: "2001:db8::7", Action: "search", ResourceType: "Patient",
				Outcome: "success", Status: 200, IDs: ids[:200], Count: 201,
			}, first)
			require.Equal(t, []string{"phone", "notes"}, second.Fields)
			require.Equal(t, patient, second.PatientID)
			require.NotEqual(t, first.ID, second.ID)
			require.EqualValues(t, 2, h.verified(t))
		})
		t.Run("records an action without a signed-in user", func(t *testing.T) {
			loginFailed := audit.Entry{
				Action: audit.LoginFailed, Resource: "Session", Outcome: audit.Denied, Status: 401,
			}
			require.NoError(t, h.Record(t.Context(), auth.Principal{}, loginFailed))
			require.EqualValues(t, 3, h.verified(t))
		})
		t.Run("a rollback removes the entry and leaves no gap", func(t *testing.T) {
			errRollback := errors.New("rollback")
			require.ErrorIs(t, db.Do(t.Context(), func(ctx context.Context) error {
				require.NoError(t, h.Record(ctx, newStaff(), reading()))
				return errRollback
			}), errRollback)
			require.EqualValues(t, 3, h.verified(t))
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
				return h.Record(ctx, newStaff(), reading(), reading())
			}))
			require.EqualValues(t, 5, h.verified(t))
		})
		t.Run("a refusal is recorded once, whether its transaction commits or rolls back", func(t *testing.T) {
			refused := audit.Entry{Action: audit.Refused, Resource: audit.Patient, Outcome: audit.Denied, Status: 404}
			for _, result := range []error{errors.New("rollback"), nil} {
				before := h.verified(t)
				require.Equal(t, result, db.Do(t.Context(), func(ctx context.Context) error {
					require.NoError(t, h.Record(ctx, newStaff(), refused))
					return result
				}))
				require.Equal(t, before+1, h.verified(t))
			}
		})
		t.Run("rejects an invalid entry together with the others", func(t *testing.T) {
			for _, invalid := range []audit.Entry{
				{},
				{Action: "look", Resource: audit.Patient, Outcome: audit.Success},
				{Action: audit.Read, Resource: audit.Patient},
				{Action: audit.Read, Outcome: audit.Success},
				{Action: audit.Update, Resource: audit.Patient, Outcome: audit.Success, Fields: []string{"Ananya"}},
			} {
				err := h.Record(t.Context(), newStaff(), reading(), invalid)
				require.Equal(t, errs.Internal, errs.KindOf(err), "%v", err)
			}
			require.EqualValues(t, 7, h.verified(t))
			require.NoError(t, h.Record(t.Context(), newStaff()))
		})
		t.Run("keeps the reading of a clock that goes back, in the order of recording", func(t *testing.T) {
			h.clock.Advance(-time.Hour)
			h.record(t, 1)
			require.EqualValues(t, 8, h.verified(t))
			entries := h.entries(t)
			last := entries[len(entries)-1]
			require.EqualValues(t, 8, last.Sequence)
			require.Equal(t, now.Add(-time.Hour), last.Time)
		})
		t.Run("splits many entries into batches", func(t *testing.T) {
			before := h.segments.count()
			require.NoError(t, h.Record(t.Context(), newStaff(), readings(501)...))
			require.Equal(t, 3, h.segments.count()-before)
			large := readings(200)
			for i := range large {
				large[i].IDs = make([]uuid.UUID, 200)
			}
			require.NoError(t, h.Record(t.Context(), newStaff(), large...))
			require.Equal(t, 3+3, h.segments.count()-before, "of at most 256 KiB")
			require.EqualValues(t, 8+501+200, h.verified(t))
		})
	})
}

func TestThePurposeOfUseFollowsFromTheBasis(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	reason := auth.Reason{Basis: "delegate", Grant: uuid.New(), For: uuid.New()}
	want := map[audit.Action]string{
		audit.Read: "FAMRQT", audit.Update: "FAMRQT", audit.Granted: "", audit.Withdrawn: "",
	}
	for action := range want {
		require.NoError(t, h.Record(t.Context(), newStaff(), audit.Entry{
			Action: action, Resource: audit.Patient, Outcome: audit.Success, Status: 200, Reason: reason,
		}))
	}
	found := map[audit.Action]string{}
	for _, e := range h.entries(t) {
		found[audit.Action(e.Action)] = e.Purpose
		recorded := auth.Reason{Basis: e.Basis, Grant: e.GrantID, For: e.ForID}
		require.Equal(t, reason, recorded)
	}
	require.Equal(t, want, found, "a grant is no use of the patient's data")
}

func TestConcurrentRecords(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		t.Run("200 concurrent records share few commits and leave no gap", func(t *testing.T) {
			var all sync.WaitGroup
			failed := make(chan error, 200)
			start := make(chan struct{})
			for range 200 {
				all.Go(func() {
					<-start
					failed <- h.Record(t.Context(), newStaff(), reading())
				})
			}
			close(start)
			all.Wait()
			for range 200 {
				require.NoError(t, <-failed)
			}
			require.EqualValues(t, 200, h.verified(t))
			require.Less(t, h.segments.count(), 50)
			t.Logf("200 records in %d commits", h.segments.count())
		})
		t.Run("records alongside transactions that commit or roll back", func(t *testing.T) {
			errRollback := errors.New("rollback")
			var all sync.WaitGroup
			for i := range 30 {
				all.Go(func() {
					if i%3 == 0 {
						_ = h.Record(t.Context(), newStaff(), reading())
						return
					}
					_ = db.Do(t.Context(), func(ctx context.Context) error {
						err := h.Record(ctx, newStaff(), reading())
						if err == nil && i%3 == 1 {
							err = errRollback
						}
						return err
					})
				})
			}
			all.Wait()
			require.EqualValues(t, 220, h.verified(t))
		})
	})
}

func TestR42_TheTrailFailsClosed(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		requireUnavailable := func(t *testing.T, err error) {
			t.Helper()
			require.Equal(t, errs.Unavailable, errs.KindOf(err), "%v", err)
		}
		t.Run("if the store fails", func(t *testing.T) {
			h.segments.beforeInsert(func(context.Context) error { return errors.New("disk full") })
			requireUnavailable(t, h.Record(t.Context(), newStaff(), reading()))
			h.segments.beforeInsert(nil)
			h.record(t, 1)
		})
		t.Run("if the context ends, although the commit continues", func(t *testing.T) {
			release := make(chan struct{})
			defer h.segments.beforeInsert(nil)
			h.segments.beforeInsert(func(context.Context) error { <-release; return nil })
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			requireUnavailable(t, h.Record(ctx, newStaff(), reading()))
			close(release)
			require.Eventually(t, func() bool { return len(h.entries(t)) == 2 }, 10*time.Second, 5*time.Millisecond)
		})
		t.Run("at once if too many entries are waiting", func(t *testing.T) {
			release, entered := make(chan struct{}), make(chan struct{}, 1)
			h.segments.beforeInsert(func(context.Context) error {
				select {
				case entered <- struct{}{}:
				default:
				}
				<-release
				return nil
			})
			var all sync.WaitGroup
			all.Go(func() { _ = h.Record(t.Context(), newStaff(), reading()) })
			<-entered
			many := make([]audit.Entry, 2048)
			for i := range many {
				many[i] = reading()
			}
			brief, cancel := context.WithCancel(t.Context())
			cancel() // the entries wait in their group, but the caller does not
			requireUnavailable(t, h.Record(brief, newStaff(), many...))
			requireUnavailable(t, h.Record(t.Context(), newStaff(), reading()))
			h.segments.beforeInsert(nil)
			close(release)
			all.Wait()
			require.Positive(t, h.verified(t))
		})
		t.Run("if appending panics, and then continues", func(t *testing.T) {
			h.segments.beforeInsert(func(context.Context) error { panic("a defect") })
			require.Error(t, h.Record(t.Context(), newStaff(), reading()))
			h.segments.beforeInsert(nil)
			h.record(t, 1)
		})
		t.Run("if the store is closed", func(t *testing.T) {
			require.NoError(t, db.Close())
			requireUnavailable(t, h.Record(t.Context(), newStaff(), reading()))
		})
	})
}
