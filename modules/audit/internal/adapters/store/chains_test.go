package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

func TestListIncludesAllChains(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		all := fullEntries(6)
		for i := range all {
			all[i].ActorID, all[i].PatientID = all[0].ActorID, all[0].PatientID
			chain := []int{3, 1, 3, 8, 1, 2}[i]
			appendTo(t.Context(), t, db, chain, now.Add(time.Duration(i)*time.Minute), all[i:i+1]...)
		}
		require.NoError(t, verify(t, ledger))
		for name, filter := range map[string]domain.Filter{
			"all entries":             {},
			"entries of an actor":     {Actor: &all[0].ActorID},
			"entries of an action":    {Action: all[0].Action},
			"entries about a patient": {Patient: &all[0].PatientID},
		} {
			t.Run(name+", newest first", func(t *testing.T) {
				request := paging.Request{Limit: 4, Order: newest, Count: true}
				var ids []uuid.UUID
				for {
					page, err := ledger.List(t.Context(), filter, request)
					require.NoError(t, err)
					require.EqualValues(t, 6, *page.Total)
					for _, e := range page.Items {
						ids = append(ids, e.ID)
					}
					if request.After = page.Next; page.Next == nil {
						break
					}
				}
				require.Equal(t, []uuid.UUID{all[5].ID, all[4].ID, all[3].ID, all[2].ID, all[1].ID, all[0].ID}, ids)
			})
		}
	})
}
