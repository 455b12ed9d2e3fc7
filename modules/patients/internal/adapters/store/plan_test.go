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

// TestX21_ListPlans verifies X21 for owners with different numbers of patients. In each order and at each position,
// a page reads an index of its owner and few rows more than it returns.
func TestX21_ListPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		// SQLite plans without statistics
		rows := map[database.Engine]int{database.Postgres: 50_000, database.SQLite: 300}[db.Engine()]
		owner := insertPatients(t, db, rows, min(rows, 2_000), 3)
		sent, repository := databasetest.LastQuery(t, db), store.New(db)
		// pages returns the statements of the first page and of a page deep in the list.
		pages := func(t *testing.T, order ...paging.Order) (first, deep databasetest.Statement) {
			request := paging.Request{Limit: 50, Order: order}
			for _, s := range []*databasetest.Statement{&first, &deep} {
				page, err := repository.List(t.Context(), patients.OwnedBy(owner), domain.Filter{}, request)
				require.NoError(t, err)
				require.NotNil(t, page.Next, "the page is full")
				*s = *sent
				stored := db.Read(t.Context()).Table("patients").Where("owner_id = ?", owner)
				request.After = databasetest.KeyAt(t, stored, order, rows*4/5)
			}
			require.NotEqual(t, first.SQL, deep.SQL)
			return first, deep
		}
		for _, column := range []string{"created_at", "updated_at", "name"} {
			for _, descending := range []bool{false, true} {
				name := fmt.Sprintf("by %s, descending %v: all pages cost the same", column, descending)
				t.Run(name, func(t *testing.T) {
					first, deep := pages(t,
						paging.Order{Column: column, Descending: descending},
						paging.Order{Column: "id", Descending: descending})
					index := "patients_owner_id_" + column + "_idx"
					if db.Engine() == database.SQLite {
						first.RequireQueryPlan(t, db, "SEARCH patients USING INDEX "+index+" (owner_id=?)")
						deep.RequireQueryPlan(t, db,
							"SEARCH patients USING INDEX "+index+" (owner_id=? AND ("+column+",id)")
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
		for _, descending := range []bool{false, true} {
			name := fmt.Sprintf("by two columns, the second descending %v: uses the index of the first", descending)
			t.Run(name, func(t *testing.T) {
				first, deep := pages(t,
					paging.Order{Column: "name"},
					paging.Order{Column: "created_at", Descending: descending},
					paging.Order{Column: "id", Descending: descending})
				if db.Engine() == database.SQLite {
					require.Contains(t, deep.QueryPlan(t, db),
						"USING INDEX patients_owner_id_name_idx (owner_id=? AND name>?)")
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
		t.Run("a search in any order reads only patients of the owner", func(t *testing.T) {
			for _, column := range []string{"created_at", "updated_at", "name"} {
				request := paging.Request{Limit: 50, Order: []paging.Order{{Column: column}, {Column: "id"}}}
				filter := domain.Filter{Search: "zebra"}
				page, err := repository.List(t.Context(), patients.OwnedBy(owner), filter, request)
				require.NoError(t, err)
				require.NotEmpty(t, page.Items)
				if db.Engine() == database.SQLite {
					index := "patients_owner_id_" + column + "_idx"
					sent.RequireQueryPlan(t, db, "SEARCH patients USING INDEX "+index+" (owner_id=?)")
					continue
				}
				for _, mode := range databasetest.PlanModes {
					requireIndexSearch(t, sent.Explain(t, db, mode))
				}
			}
		})
	})
}

// requireIndexSearch requires a plan that reads an index of the owner, or the index of the search texts. The latter
// exists only where pg_trgm is available.
func requireIndexSearch(t *testing.T, plan databasetest.Plan) {
	t.Helper()
	for _, step := range plan.Steps() {
		require.NotEqual(t, "Seq Scan", step.Type, "%+v", plan)
		if step.Index != "" && step.Index != "patients_search_text_idx" {
			require.Contains(t, step.Cond, "owner_id = ", "%+v", plan)
		}
	}
}
