package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// holding appends in a transaction of its own that stays open. It tells the chain, and how to end the transaction.
func holding(t *testing.T, db *database.DB, ledger ports.Ledger, chain int) (taken int, end func()) {
	t.Helper()
	began, let, ended := make(chan int), make(chan struct{}), make(chan error)
	go func() {
		ended <- db.Do(t.Context(), func(ctx context.Context) error {
			err := ledger.Append(ctx, chain, func(head *domain.Head) []domain.Entry {
				e := full()
				head.Seal(&e, keys, now)
				taken = head.Chain
				return []domain.Entry{e}
			})
			began <- taken
			<-let
			return err
		})
	}()
	return <-began, func() { close(let); require.NoError(t, <-ended) }
}

func TestAnyChainIsTheFirstThatNobodyHolds(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		require.Equal(t, 1, recorded(t.Context(), t, ledger, now, full())[0].Chain)
		require.Equal(t, 1, recorded(t.Context(), t, ledger, now, full())[0].Chain)
		if db.Engine() == database.SQLite {
			return // it has one writer
		}
		first, endFirst := holding(t, db, ledger, domain.AnyChain)
		second, endSecond := holding(t, db, ledger, domain.AnyChain)
		third, endThird := holding(t, db, ledger, domain.AnyChain)
		require.Equal(t, []int{1, 2, 3}, []int{first, second, third})
		endSecond()
		require.Equal(t, 2, recorded(t.Context(), t, ledger, now, full())[0].Chain)
		t.Run("also of a transaction that holds one", func(t *testing.T) {
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
				require.Equal(t, 2, recorded(ctx, t, ledger, now, full())[0].Chain)
				require.Equal(t, 2, recorded(ctx, t, ledger, now, full())[0].Chain)
				return nil
			}))
		})
		endFirst()
		endThird()
		require.NoError(t, verify(t, ledger))
	})
}

func TestWhoFindsAllChainsHeldWaits(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		chains := domain.Chains
		if db.Engine() == database.SQLite {
			chains = 1
		}
		held := make(chan struct{})
		let, ended := make(chan struct{}), make(chan error)
		go func() { // one transaction holds all, so that the pool has connections left
			ended <- db.Do(t.Context(), func(ctx context.Context) error {
				for chain := range chains {
					if err := ledger.Append(ctx, chain+1, func(*domain.Head) []domain.Entry { return nil }); err != nil {
						return err
					}
				}
				close(held)
				<-let
				return nil
			})
		}()
		<-held
		appended := make(chan error)
		go func() {
			appended <- ledger.Append(t.Context(), domain.AnyChain, func(head *domain.Head) []domain.Entry {
				e := full()
				head.Seal(&e, keys, now)
				return []domain.Entry{e}
			})
		}()
		select {
		case err := <-appended:
			t.Fatal("it did not wait", err)
		case <-time.After(100 * time.Millisecond):
		}
		close(let)
		require.NoError(t, <-ended)
		require.NoError(t, <-appended)
		require.NoError(t, verify(t, ledger))
	})
}

func TestListIsOfAllChains(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, ledger ports.Ledger) {
		all := some(6)
		for i := range all {
			all[i].ActorID, all[i].PatientID = all[0].ActorID, all[0].PatientID
			chain := []int{3, 1, 3, 8, 1, 2}[i]
			require.NoError(t, ledger.Append(t.Context(), chain, func(head *domain.Head) []domain.Entry {
				head.Seal(&all[i], keys, now.Add(time.Duration(i)*time.Minute))
				return all[i : i+1]
			}))
		}
		require.NoError(t, verify(t, ledger))
		for what, filter := range map[string]domain.Filter{
			"of all": {}, "of an actor": {Actor: &all[0].ActorID}, "of an action": {Action: all[0].Action}, "about a patient": {Patient: &all[0].PatientID},
		} {
			t.Run(what+", newest first", func(t *testing.T) {
				request := paging.Request{Limit: 4, Order: []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}, Count: true}
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
