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

// holdChain appends in a transaction that stays open until commit is called, and returns the chain.
func holdChain(t *testing.T, db *database.DB, ledger ports.Ledger, chain int) (taken int, commit func()) {
	t.Helper()
	began, release, ended := make(chan int), make(chan struct{}), make(chan error)
	go func() {
		ended <- db.Do(t.Context(), func(ctx context.Context) error {
			err := ledger.Append(ctx, chain, func(head *domain.Head) []domain.Entry {
				e := fullEntry()
				head.Seal(&e, keys, now)
				taken = head.Chain
				return []domain.Entry{e}
			})
			began <- taken
			<-release
			return err
		})
	}()
	return <-began, func() { close(release); require.NoError(t, <-ended) }
}

func TestAnyChainIsTheFirstUnlockedOne(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		require.Equal(t, 1, appendEntries(t.Context(), t, ledger, now, fullEntry())[0].Chain)
		require.Equal(t, 1, appendEntries(t.Context(), t, ledger, now, fullEntry())[0].Chain)
		if db.Engine() == database.SQLite {
			return // SQLite has one writer
		}
		first, commitFirst := holdChain(t, db, ledger, domain.AnyChain)
		second, commitSecond := holdChain(t, db, ledger, domain.AnyChain)
		third, commitThird := holdChain(t, db, ledger, domain.AnyChain)
		require.Equal(t, []int{1, 2, 3}, []int{first, second, third})
		commitSecond()
		require.Equal(t, 2, appendEntries(t.Context(), t, ledger, now, fullEntry())[0].Chain)
		t.Run("a transaction reuses the chain that it locked", func(t *testing.T) {
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
				require.Equal(t, 2, appendEntries(ctx, t, ledger, now, fullEntry())[0].Chain)
				require.Equal(t, 2, appendEntries(ctx, t, ledger, now, fullEntry())[0].Chain)
				return nil
			}))
		})
		commitFirst()
		commitThird()
		require.NoError(t, verify(t, ledger))
	})
}

func TestAppendWaitsIfAllChainsAreLocked(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		chains := domain.Chains
		if db.Engine() == database.SQLite {
			chains = 1
		}
		locked := make(chan struct{})
		release, ended := make(chan struct{}), make(chan error)
		go func() { // one transaction locks all chains, so that the pool has connections left
			ended <- db.Do(t.Context(), func(ctx context.Context) error {
				for chain := range chains {
					err := ledger.Append(ctx, chain+1, func(*domain.Head) []domain.Entry { return nil })
					if err != nil {
						return err
					}
				}
				close(locked)
				<-release
				return nil
			})
		}()
		<-locked
		appended := make(chan error)
		go func() {
			appended <- ledger.Append(t.Context(), domain.AnyChain, func(head *domain.Head) []domain.Entry {
				e := fullEntry()
				head.Seal(&e, keys, now)
				return []domain.Entry{e}
			})
		}()
		select {
		case err := <-appended:
			t.Fatal("Append did not wait", err)
		case <-time.After(100 * time.Millisecond):
		}
		close(release)
		require.NoError(t, <-ended)
		require.NoError(t, <-appended)
		require.NoError(t, verify(t, ledger))
	})
}

func TestListIncludesAllChains(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, ledger ports.Ledger) {
		all := fullEntries(6)
		for i := range all {
			all[i].ActorID, all[i].PatientID = all[0].ActorID, all[0].PatientID
			chain := []int{3, 1, 3, 8, 1, 2}[i]
			require.NoError(t, ledger.Append(t.Context(), chain, func(head *domain.Head) []domain.Entry {
				head.Seal(&all[i], keys, now.Add(time.Duration(i)*time.Minute))
				return all[i : i+1]
			}))
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
