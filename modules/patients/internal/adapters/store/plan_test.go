package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// TestX21_ListPlans verifies X21, on skewed owners: whatever the order and wherever the page, a list reads its owner's index and hardly a row more
// than it answers.
func TestX21_ListPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rows := map[database.Engine]int{database.Postgres: 50_000, database.SQLite: 300}[db.Engine()] // SQLite plans without statistics
		owner := crowd(t, db, rows, min(rows, 2_000), 3)
		sent, repository := databasetest.LastQuery(t, db), store.New(db)
		// pages are the statements of the first page and of one deep in the list.
		pages := func(t *testing.T, order ...paging.Order) (first, deep databasetest.Statement) {
			request := paging.Request{Limit: 50, Order: order}
			for _, s := range []*databasetest.Statement{&first, &deep} {
				page, err := repository.List(t.Context(), patients.OwnedBy(owner), domain.Filter{}, request)
				require.NoError(t, err)
				require.NotNil(t, page.Next, "a full page")
				*s = *sent
				request.After = databasetest.KeyAt(t, db.Read(t.Context()).Table("patients").Where("owner_id = ?", owner), order, rows*4/5)
			}
			require.NotEqual(t, first.SQL, deep.SQL)
			return first, deep
		}
		for _, column := range []string{"created_at", "updated_at", "name"} {
			for _, down := range []bool{false, true} {
				t.Run(fmt.Sprintf("by %s, descending %v, every page costs the same", column, down), func(t *testing.T) {
					first, deep := pages(t, paging.Order{Column: column, Descending: down}, paging.Order{Column: "id", Descending: down})
					index := "patients_owner_id_" + column + "_idx"
					if db.Engine() == database.SQLite {
						first.RequireQueryPlan(t, db, "SEARCH patients USING INDEX "+index+" "+"(owner_id=?)")
						deep.RequireQueryPlan(t, db, "SEARCH patients USING INDEX "+index+" "+"(owner_id=? AND ("+column+",id)")
						return
					}
					for _, mode := range databasetest.PlanModes {
						start, far := first.Explain(t, db, mode), deep.Explain(t, db, mode)
						databasetest.RequireIndex(t, start, index, "owner_id")
						databasetest.RequireIndex(t, far, index, "owner_id", "ROW("+column+", id)")
						databasetest.RequireSameCost(t, start, far)
					}
				})
			}
		}
		for _, down := range []bool{false, true} {
			t.Run(fmt.Sprintf("by two columns, the second descending %v, the first one's index bounds every page", down), func(t *testing.T) {
				first, deep := pages(t, paging.Order{Column: "name"}, paging.Order{Column: "created_at", Descending: down}, paging.Order{Column: "id", Descending: down})
				if db.Engine() == database.SQLite {
					require.Contains(t, deep.QueryPlan(t, db), "USING INDEX patients_owner_id_name_idx (owner_id=? AND name>?)")
					return
				}
				for _, mode := range databasetest.PlanModes {
					start, far := first.Explain(t, db, mode), deep.Explain(t, db, mode)
					databasetest.RequireSameCost(t, start, far)
					scan := far.Steps()[len(far.Steps())-1]
					require.Equal(t, "patients_owner_id_name_idx", scan.Index, "%+v", far)
					require.Contains(t, scan.Cond, "name >= ", "%+v", far)
				}
			})
		}
		t.Run("a search reads no more than the owner's patients, whatever the order", func(t *testing.T) {
			for _, column := range []string{"created_at", "updated_at", "name"} {
				request := paging.Request{Limit: 50, Order: []paging.Order{{Column: column}, {Column: "id"}}}
				page, err := repository.List(t.Context(), patients.OwnedBy(owner), domain.Filter{Search: "zebra"}, request)
				require.NoError(t, err)
				require.NotEmpty(t, page.Items)
				if db.Engine() == database.SQLite {
					sent.RequireQueryPlan(t, db, "SEARCH patients USING INDEX "+"patients_owner_id_"+column+"_idx"+" "+"(owner_id=?)")
					continue
				}
				for _, mode := range databasetest.PlanModes {
					requireSearched(t, sent.Explain(t, db, mode))
				}
			}
		})
	})
}

// requireSearched is about a plan that begins with an index: that of the search, where pg_trgm could be created, or one of the owner's.
func requireSearched(t *testing.T, plan databasetest.Plan) {
	t.Helper()
	for _, step := range plan.Steps() {
		require.NotEqual(t, "Seq Scan", step.Type, "%+v", plan)
		if step.Index != "" && step.Index != "patients_search_text_idx" {
			require.Contains(t, step.Cond, "owner_id = ", "%+v", plan)
		}
	}
}
