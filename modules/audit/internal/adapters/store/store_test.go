package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

func TestChains(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		t.Run("chains begin at their genesis", func(t *testing.T) {
			spans, err := ledger.Spans(t.Context())
			require.NoError(t, err)
			require.Len(t, spans, domain.Chains)
			for i, span := range spans {
				genesis := domain.Genesis(i + 1)
				require.Equal(t, domain.Span{Chain: i + 1, From: genesis, To: genesis}, span)
			}
		})
		t.Run("stores every column unchanged", func(t *testing.T) {
			appended := appendEntries(t.Context(), t, db, now, fullEntry(), minimalEntry())
			read, err := ledger.Read(t.Context(), 1, 0, 10)
			require.NoError(t, err)
			require.Equal(t, appended, read)
			require.NoError(t, verify(t, ledger))
		})
		t.Run("reports whether the chains rest", func(t *testing.T) {
			for since, want := range map[time.Time]bool{now: false, now.Add(time.Hour): true} {
				rested, err := ledger.Rested(t.Context(), since)
				require.NoError(t, err)
				require.Equal(t, want, rested, since)
			}
		})
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		all := fullEntries(5)
		all[1].ActorID, all[3].ActorID = all[0].ActorID, all[0].ActorID
		all[2].PatientID = all[0].PatientID
		all[4].Action = "read"
		all[3].IDs = []uuid.UUID{uuid.New(), all[0].PatientID, all[1].PatientID}      // returned by a list
		all[4].IDs, all[4].ResourceType = []uuid.UUID{all[0].PatientID}, "Assignment" // no patient ids
		all = appendEntries(t.Context(), t, db, now, all...)
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
		t.Run("lists all entries, newest first", func(t *testing.T) {
			require.Equal(t, []int64{5, 4, 3, 2, 1}, listed(domain.Filter{}))
		})
		t.Run("filters by actor", func(t *testing.T) {
			require.Equal(t, []int64{4, 2, 1}, listed(domain.Filter{Actor: &all[0].ActorID}))
		})
		t.Run("filters by patient", func(t *testing.T) {
			require.Equal(t, []int64{4, 3, 1}, listed(domain.Filter{Patient: &all[0].PatientID}))
			require.Equal(t, []int64{4, 2}, listed(domain.Filter{Patient: &all[1].PatientID}))
		})
		t.Run("filters by action", func(t *testing.T) {
			require.Equal(t, []int64{5}, listed(domain.Filter{Action: "read"}))
		})
		t.Run("filters by time", func(t *testing.T) {
			filter := domain.Filter{CreatedAfter: all[0].Time, CreatedBefore: all[3].Time}
			require.Equal(t, []int64{3, 2}, listed(filter))
		})
		t.Run("combines filters", func(t *testing.T) {
			require.Equal(t, []int64{4, 1}, listed(domain.Filter{Patient: &all[0].PatientID, Actor: &all[0].ActorID}))
			require.Empty(t, listed(domain.Filter{Patient: &all[0].PatientID, Actor: &all[0].ActorID, Action: "read"}))
			require.Equal(t, []int64{4, 2, 1}, listed(domain.Filter{Actor: &all[0].ActorID, Action: "update"}))
		})
		t.Run("counts the entries about a patient", func(t *testing.T) {
			request := paging.Request{Limit: 1, Order: newest, Count: true}
			page, err := ledger.List(t.Context(), domain.Filter{Patient: &all[0].PatientID}, request)
			require.NoError(t, err)
			require.EqualValues(t, 3, *page.Total)
		})
		t.Run("lists no entries of the zero actor", func(t *testing.T) {
			require.Empty(t, listed(domain.Filter{Actor: &uuid.UUID{}}))
		})
		t.Run("limits pages by size", func(t *testing.T) {
			large, patient := fullEntries(160), uuid.New()
			for i := range large {
				large[i].PatientID, large[i].Action = patient, "list"
				large[i].IDs = slices.Repeat([]uuid.UUID{patient}, 200) // one index row
			}
			appendEntries(t.Context(), t, db, all[4].Time.Add(time.Hour), large...)
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
