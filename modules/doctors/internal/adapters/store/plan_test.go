package store_test

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// TestListPlans is TRUST.md, X21: whatever the order and wherever the page, the directory reads one index and hardly a row more than it answers.
func TestListPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rows := map[database.Engine]int{database.Postgres: 30_000, database.SQLite: 300}[db.Engine()] // SQLite plans without statistics
		crowd(t, db, rows)
		sent, repository := listen(t, db), store.New(db)
		for _, column := range []string{"created_at", "updated_at", "name", "specialization", "experience"} {
			for _, down := range []bool{false, true} {
				t.Run(fmt.Sprintf("by %s, descending %v, every page costs the same", column, down), func(t *testing.T) {
					request := paging.Request{Limit: 50, Order: []paging.Order{{Column: column, Descending: down}, {Column: "id", Descending: down}}}
					var first, deep statement
					for _, s := range []*statement{&first, &deep} {
						page, err := repository.List(t.Context(), domain.Filter{}, request)
						require.NoError(t, err)
						require.NotNil(t, page.Next, "a full page")
						*s = *sent
						request.After = keyAt(t, db, request.Order, rows*4/5)
					}
					index := "doctors_" + column + "_idx"
					if db.Engine() == database.SQLite {
						requireQueryPlan(t, db, first, "SCAN doctors USING INDEX "+index)
						requireQueryPlan(t, db, deep, "SEARCH doctors USING INDEX "+index+" (("+column+",id)")
						return
					}
					for _, mode := range modes {
						start, far := first.explain(t, db, mode), deep.explain(t, db, mode)
						requireIndex(t, start, index)
						requireIndex(t, far, index, "ROW("+column+", id)")
						requireSameCost(t, start, far)
					}
				})
			}
		}
		t.Run("a search is served by the index of its trigrams", func(t *testing.T) {
			if db.Engine() == database.SQLite {
				t.Skip("SQLite has none: a search reads the directory")
			}
			page, err := repository.List(t.Context(), domain.Filter{Search: "zebra"}, whole)
			require.NoError(t, err)
			require.NotEmpty(t, page.Items)
			for _, mode := range []string{"auto", "force_custom_plan"} {
				plan := sent.explain(t, db, mode)
				steps := plan.steps()
				require.Equal(t, "doctors_search_text_idx", steps[len(steps)-1].Index, "%s: %+v", mode, plan)
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

// requireSameCost allows for a step more in the index's tree, and for rows that lie closer together; a cost that grew would grow by thousands.
func requireSameCost(t *testing.T, first, deep node) {
	t.Helper()
	require.InDelta(t, first.buffers(), deep.buffers(), max(10, 0.2*float64(first.buffers())), "%+v\n%+v", first, deep)
}

func requireQueryPlan(t *testing.T, db *database.DB, s statement, step string) {
	t.Helper()
	plan := s.queryPlan(t, db)
	require.Contains(t, plan, step, s.sql)
	require.NotContains(t, plan, "TEMP B-TREE", s.sql)
}

// keyAt is the key of the item at an offset of the directory.
func keyAt(t testing.TB, db *database.DB, order []paging.Order, offset int) []string {
	t.Helper()
	q := db.Read(t.Context()).Table("doctors").Limit(1).Offset(offset)
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

// crowd fills the directory: three doctors of the same time, many of the same specialization, every 5,000th a zebra.
func crowd(t testing.TB, db *database.DB, rows int) {
	t.Helper()
	id, word, at := `gen_random_uuid()`, `substr(md5(i::text), 1, 4)`, `to_timestamp(1760000000 + %s)`
	if db.Engine() == database.SQLite {
		id = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(6)))`
		word, at = `printf('%04x', i * 40503 % 65536)`, `strftime('%%Y-%%m-%%dT%%H:%%M:%%S.000000Z', 1760000000 + %s, 'unixepoch')`
	}
	require.NoError(t, db.Write(t.Context()).Exec(`WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?)
		INSERT INTO doctors (id, name, specialization, experience, email, phone, search_text, version, created_at, updated_at)
		SELECT `+id+`, 'Dr. ' || `+word+`, 'Specialization ' || i % 30, i % 50, '', '',
			'dr. ' || `+word+` || CASE WHEN i % 5000 = 7 THEN ' zebra' ELSE '' END, 1, `+fmt.Sprintf(at, "i / 3")+`, `+fmt.Sprintf(at, "i % 100000 * 7919 % 100003")+`
		FROM s`, rows).Error)
	if db.Engine() == database.Postgres {
		require.NoError(t, db.Write(t.Context()).Exec("VACUUM ANALYZE doctors").Error)
	}
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
