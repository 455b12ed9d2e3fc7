package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
)

func TestAppend(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		t.Run("begins where the domain says that a chain begins", func(t *testing.T) {
			spans, err := ledger.Spans(t.Context())
			require.NoError(t, err)
			require.Len(t, spans, domain.Chains)
			for i, span := range spans {
				require.Equal(t, domain.Span{Chain: i + 1, From: domain.Genesis(i + 1), To: domain.Genesis(i + 1)}, span)
			}
		})
		t.Run("keeps every column as it is", func(t *testing.T) {
			appended := recorded(t.Context(), t, ledger, now, full(), bare())
			read, err := ledger.Read(t.Context(), 1, 0, 10)
			require.NoError(t, err)
			require.Equal(t, appended, read)
			require.NoError(t, verify(t, ledger))
		})
		t.Run("leaves nothing behind when its transaction is undone, not even a number", func(t *testing.T) {
			undone := errors.New("undone")
			require.ErrorIs(t, db.Do(t.Context(), func(ctx context.Context) error {
				require.True(t, ledger.InTransaction(ctx))
				recorded(ctx, t, ledger, now, full())
				return undone
			}), undone)
			require.False(t, ledger.InTransaction(t.Context()))
			require.EqualValues(t, 3, recorded(t.Context(), t, ledger, now, full())[0].Sequence)
			require.NoError(t, verify(t, ledger))
		})
		t.Run("takes more than a statement does at once", func(t *testing.T) {
			recorded(t.Context(), t, ledger, now, some(1100)...)
			require.NoError(t, verify(t, ledger))
		})
		t.Run("says that the store is not there", func(t *testing.T) {
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			err := ledger.Append(ended, 1, func(*domain.Head) []domain.Entry { return nil })
			require.Equal(t, errs.Unavailable, errs.KindOf(err), "%v", err)
		})
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, ledger ports.Ledger) {
		all := some(5)
		all[1].ActorID, all[3].ActorID = all[0].ActorID, all[0].ActorID
		all[2].PatientID = all[0].PatientID
		all[4].Action = "read"
		all[3].IDs = []uuid.UUID{uuid.New(), all[0].PatientID, all[1].PatientID}      // a list that showed them
		all[4].IDs, all[4].ResourceType = []uuid.UUID{all[0].PatientID}, "Assignment" // whose ids are not patients'
		all = recorded(t.Context(), t, ledger, now, all...)
		newest := []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}
		listed := func(filter domain.Filter) (sequences []int64) {
			request := paging.Request{Limit: 2, Order: newest}
			for {
				page, err := ledger.List(t.Context(), filter, request)
				require.NoError(t, err)
				for _, e := range page.Items {
					sequences = append(sequences, e.Sequence)
				}
				if page.Next == nil {
					return sequences
				}
				request.After = page.Next
			}
		}
		t.Run("is all, newest first", func(t *testing.T) { require.Equal(t, []int64{5, 4, 3, 2, 1}, listed(domain.Filter{})) })
		t.Run("is of an actor", func(t *testing.T) {
			require.Equal(t, []int64{4, 2, 1}, listed(domain.Filter{Actor: &all[0].ActorID}))
		})
		t.Run("is about a patient", func(t *testing.T) {
			require.Equal(t, []int64{4, 3, 1}, listed(domain.Filter{Patient: &all[0].PatientID}))
			require.Equal(t, []int64{4, 2}, listed(domain.Filter{Patient: &all[1].PatientID}))
		})
		t.Run("is of an action", func(t *testing.T) { require.Equal(t, []int64{5}, listed(domain.Filter{Action: "read"})) })
		t.Run("is of a time", func(t *testing.T) {
			require.Equal(t, []int64{3, 2}, listed(domain.Filter{CreatedAfter: all[0].Time, CreatedBefore: all[3].Time}))
		})
		t.Run("is of an actor and about a patient, in an action", func(t *testing.T) {
			require.Equal(t, []int64{4, 1}, listed(domain.Filter{Patient: &all[0].PatientID, Actor: &all[0].ActorID}))
			require.Empty(t, listed(domain.Filter{Patient: &all[0].PatientID, Actor: &all[0].ActorID, Action: "read"}))
			require.Equal(t, []int64{4, 2, 1}, listed(domain.Filter{Actor: &all[0].ActorID, Action: "update"}))
		})
		t.Run("counts what it is about", func(t *testing.T) {
			page, err := ledger.List(t.Context(), domain.Filter{Patient: &all[0].PatientID}, paging.Request{Limit: 1, Order: newest, Count: true})
			require.NoError(t, err)
			require.EqualValues(t, 3, *page.Total)
		})
		t.Run("is nothing of nobody", func(t *testing.T) {
			require.Empty(t, listed(domain.Filter{Actor: &uuid.UUID{}}))
		})
		t.Run("has pages that end by their size", func(t *testing.T) {
			large, patient := some(160), uuid.New()
			for i := range large {
				large[i].PatientID, large[i].Action = patient, "list"
				large[i].IDs = slices.Repeat([]uuid.UUID{patient}, 200) // one subject
			}
			recorded(t.Context(), t, ledger, all[4].Time.Add(time.Hour), large...)
			for _, filter := range []domain.Filter{{Patient: &patient}, {Action: "list"}, {CreatedAfter: all[4].Time}} {
				request := paging.Request{Limit: 500, Order: newest}
				first, err := ledger.List(t.Context(), filter, request)
				require.NoError(t, err)
				size := len(first.Items) * 200 * paging.IDSize
				require.Less(t, size, paging.MaxBytes)
				require.Greater(t, size, paging.MaxBytes*8/10)
				request.After = first.Next
				second, err := ledger.List(t.Context(), filter, request)
				require.NoError(t, err)
				require.Nil(t, second.Next)
				require.Equal(t, large[0].ID, second.Items[len(second.Items)-1].ID)
				require.Equal(t, len(large), len(first.Items)+len(second.Items))
			}
		})
	})
}
