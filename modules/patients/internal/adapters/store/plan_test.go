package store_test

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// TestListPlans is TRUST.md, X21, on skewed owners: whatever the order and wherever the page, a list reads its owner's index and hardly a row more
// than it answers.
func TestListPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rows := map[database.Engine]int{database.Postgres: 50_000, database.SQLite: 300}[db.Engine()] // SQLite plans without statistics
		owner := crowd(t, db, rows, min(rows, 2_000), 3)
		sent, repository := listen(t, db), store.New(db)
		// pages are the statements of the first page and of one deep in the list.
		pages := func(t *testing.T, order ...paging.Order) (first, deep statement) {
			request := paging.Request{Limit: 50, Order: order}
			for _, s := range []*statement{&first, &deep} {
				page, err := repository.List(t.Context(), patients.OwnedBy(owner), domain.Filter{}, request)
				require.NoError(t, err)
				require.NotNil(t, page.Next, "a full page")
				*s = *sent
				request.After = keyAt(t, db, owner, order, rows*4/5)
			}
			require.NotEqual(t, first.sql, deep.sql)
			return first, deep
		}
		for _, column := range []string{"created_at", "updated_at", "name"} {
			for _, down := range []bool{false, true} {
				t.Run(fmt.Sprintf("by %s, descending %v, every page costs the same", column, down), func(t *testing.T) {
					first, deep := pages(t, paging.Order{Column: column, Descending: down}, paging.Order{Column: "id", Descending: down})
					index := "patients_owner_id_" + column + "_idx"
					if db.Engine() == database.SQLite {
						requireSearch(t, db, first, index, "(owner_id=?)")
						requireSearch(t, db, deep, index, "(owner_id=? AND ("+column+",id)")
						return
					}
					for _, mode := range modes {
						start, far := first.explain(t, db, mode), deep.explain(t, db, mode)
						requireIndex(t, start, index, "owner_id")
						requireIndex(t, far, index, "owner_id", "ROW("+column+", id)")
						requireSameCost(t, start, far)
					}
				})
			}
		}
		for _, down := range []bool{false, true} {
			t.Run(fmt.Sprintf("by two columns, the second descending %v, the first one's index bounds every page", down), func(t *testing.T) {
				first, deep := pages(t, paging.Order{Column: "name"}, paging.Order{Column: "created_at", Descending: down}, paging.Order{Column: "id", Descending: down})
				if db.Engine() == database.SQLite {
					require.Contains(t, deep.queryPlan(t, db), "USING INDEX patients_owner_id_name_idx (owner_id=? AND name>?)")
					return
				}
				for _, mode := range modes {
					start, far := first.explain(t, db, mode), deep.explain(t, db, mode)
					requireSameCost(t, start, far)
					scan := far.steps()[len(far.steps())-1]
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
					requireSearch(t, db, *sent, "patients_owner_id_"+column+"_idx", "(owner_id=?)")
					continue
				}
				for _, mode := range modes {
					requireSearched(t, sent.explain(t, db, mode))
				}
			}
		})
	})
}

// modes are PostgreSQL's two ways to plan a prepared statement.
var modes = []string{"force_generic_plan", "force_custom_plan"}

// requireIndex is about a plan that is one index scan in the list's order, bound by all of cond, with hardly a row read in vain.
func requireIndex(t *testing.T, plan node, index string, cond ...string) {
	t.Helper()
	steps := plan.steps()
	last := steps[len(steps)-1]
	require.Len(t, steps, 2, "a limit over a scan: %+v", plan)
	require.Contains(t, []string{"Index Scan", "Index Scan Backward"}, last.Type, "%+v", plan)
	require.Equal(t, index, last.Index, "%+v", plan)
	for _, part := range cond {
		require.Contains(t, last.Cond, part, "%+v", plan)
	}
	require.LessOrEqual(t, last.Removed, 10.0, "%+v", plan)
}

// requireSearched is about a plan that begins with an index: that of the search, where pg_trgm could be created, or one of the owner's.
func requireSearched(t *testing.T, plan node) {
	t.Helper()
	for _, step := range plan.steps() {
		require.NotEqual(t, "Seq Scan", step.Type, "%+v", plan)
		if step.Index != "" && step.Index != "patients_search_text_idx" {
			require.Contains(t, step.Cond, "owner_id = ", "%+v", plan)
		}
	}
}

// requireSameCost allows for a step more in the index's tree, and for rows that lie closer together; a cost that grew would grow by thousands.
func requireSameCost(t *testing.T, first, deep node) {
	t.Helper()
	require.InDelta(t, first.buffers(), deep.buffers(), max(10, 0.2*float64(first.buffers())), "%+v\n%+v", first, deep)
}

func requireSearch(t *testing.T, db *database.DB, s statement, index, cond string) {
	t.Helper()
	plan := s.queryPlan(t, db)
	require.Contains(t, plan, "SEARCH patients USING INDEX "+index+" "+cond, s.sql)
	require.NotContains(t, plan, "TEMP B-TREE", s.sql)
}

// keyAt is the key of the item at an offset of an owner's list.
func keyAt(t testing.TB, db *database.DB, owner uuid.UUID, order []paging.Order, offset int) []string {
	t.Helper()
	q := db.Read(t.Context()).Table("patients").Where("owner_id = ?", owner).Limit(1).Offset(offset)
	found := make(map[string]any)
	for _, o := range order {
		q = q.Order(clause.OrderByColumn{Column: clause.Column{Name: o.Column}, Desc: o.Descending})
	}
	require.NoError(t, q.Take(&found).Error)
	key := make([]string, len(order))
	for i, o := range order {
		if at, ok := found[o.Column].(time.Time); ok {
			found[o.Column], _ = database.At(at).Value()
		}
		key[i] = fmt.Sprint(found[o.Column])
	}
	return key
}

// statement is one that a store sent, as it sent it: an explained copy would prove nothing.
type statement struct {
	sql    string
	values []any
}

// listen gives the last statement that read from db.
func listen(t testing.TB, db *database.DB) *statement {
	t.Helper()
	last := new(statement)
	require.NoError(t, db.Read(t.Context()).Callback().Query().After("gorm:query").Register("test:listen", func(tx *gorm.DB) {
		*last = statement{tx.Statement.SQL.String(), tx.Statement.Vars}
	}))
	return last
}

// node is what EXPLAIN (FORMAT JSON) says of one step.
type node struct {
	Type    string  `json:"Node Type"`
	Index   string  `json:"Index Name"`
	Cond    string  `json:"Index Cond"`
	Removed float64 `json:"Rows Removed by Filter"`
	Hit     int     `json:"Shared Hit Blocks"`
	Read    int     `json:"Shared Read Blocks"`
	Below   []node  `json:"Plans"`
}

func (n node) buffers() int { return n.Hit + n.Read }

// steps are the nodes of a plan, the outermost first.
func (n node) steps() []node {
	all := []node{n}
	for _, below := range n.Below {
		all = append(all, below.steps()...)
	}
	return all
}

// explain runs the statement on PostgreSQL with a generic plan, as a prepared statement gets after five runs, or with a custom one.
func (s statement) explain(t testing.TB, db *database.DB, mode string) (plan node) {
	t.Helper()
	values := make([]string, len(s.values))
	for i, value := range s.values {
		if v, ok := value.(driver.Valuer); ok {
			value, _ = v.Value()
		}
		values[i] = "'" + strings.ReplaceAll(fmt.Sprint(value), "'", "''") + "'"
	}
	var text string
	require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
		tx := db.Write(ctx)
		for _, before := range []string{"SET LOCAL plan_cache_mode = " + mode, "PREPARE listed AS " + s.sql} {
			require.NoError(t, tx.Exec(before).Error)
		}
		execute := "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE listed(" + strings.Join(values, ", ") + ")"
		for range 7 { // PostgreSQL settles on a plan with the sixth
			require.NoError(t, tx.Raw(execute).Scan(&text).Error, s.sql)
		}
		return tx.Exec("DEALLOCATE listed").Error
	}))
	var plans []struct{ Plan node }
	require.NoError(t, json.Unmarshal([]byte(text), &plans))
	return plans[0].Plan
}

// queryPlan is what SQLite says of the statement; it knows no statistics, so the rows do not matter.
func (s statement) queryPlan(t testing.TB, db *database.DB) string {
	t.Helper()
	var steps []struct{ Detail string }
	require.NoError(t, db.Read(t.Context()).Raw("EXPLAIN QUERY PLAN "+s.sql, s.values...).Scan(&steps).Error)
	return fmt.Sprint(steps)
}
