package databasetest

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/platform/database"
)

// PlanModes lists the values of PostgreSQL's plan_cache_mode that force a generic or a custom plan.
var PlanModes = []string{"force_generic_plan", "force_custom_plan"}

// RequireIndex requires a plan that scans the index in order, limited by all conditions in cond, and that filters out
// at most 10 rows.
func RequireIndex(t testing.TB, plan Plan, index string, cond ...string) {
	t.Helper()
	steps := plan.Steps()
	last := steps[len(steps)-1]
	require.Len(t, steps, 2, "a limit over a scan: %+v", plan)
	require.Contains(t, []string{"Index Scan", "Index Scan Backward"}, last.Type, "%+v", plan)
	require.Equal(t, index, last.Index, "%+v", plan)
	for _, part := range cond {
		require.Contains(t, last.Cond, part, "%+v", plan)
	}
	require.LessOrEqual(t, last.Removed, 10.0, "%+v", plan)
}

// RequireSameCost requires that a deep page costs as much as the first. It allows for one more level of the index and
// for rows that are stored closer together (14 buffers per 50 rows were measured). A cost that grows with the offset
// would grow by thousands.
func RequireSameCost(t testing.TB, first, deep Plan) {
	t.Helper()
	require.InDelta(t, first.Buffers(), deep.Buffers(), max(40, 0.2*float64(first.Buffers())), "%+v\n%+v", first, deep)
}

// Statement is a statement exactly as a store sent it.
type Statement struct {
	SQL    string
	Values []any
}

// LastQuery returns a Statement that is overwritten by every query of db.
func LastQuery(t testing.TB, db *database.DB) *Statement {
	t.Helper()
	last := new(Statement)
	onQuery(t, db, func(sent Statement) { *last = sent })
	return last
}

// Queries returns a list to which every query of db is appended.
func Queries(t testing.TB, db *database.DB) *[]Statement {
	t.Helper()
	all := new([]Statement)
	onQuery(t, db, func(sent Statement) { *all = append(*all, sent) })
	return all
}

func onQuery(t testing.TB, db *database.DB, do func(sent Statement)) {
	t.Helper()
	queries := db.Read(t.Context()).Callback().Query()
	require.NoError(t, queries.After("gorm:query").Register("test:query", sending(do)))
}

// Statements returns a list to which every query, update and deletion of db is appended, also those of transactions.
func Statements(t testing.TB, db *database.DB) *[]Statement {
	t.Helper()
	all := new([]Statement)
	note := sending(func(sent Statement) { *all = append(*all, sent) })
	write := db.Write(t.Context()).Callback()
	require.NoError(t, write.Query().After("gorm:query").Register("test:query", note))
	require.NoError(t, write.Update().After("gorm:update").Register("test:update", note))
	require.NoError(t, write.Delete().After("gorm:delete").Register("test:delete", note))
	if db.Engine() == database.SQLite { // reads on other connections
		read := db.Read(t.Context()).Callback().Query()
		require.NoError(t, read.After("gorm:query").Register("test:query", note))
	}
	return all
}

func sending(do func(sent Statement)) func(*gorm.DB) {
	return func(tx *gorm.DB) {
		if !tx.DryRun { // a part of another statement
			do(Statement{tx.Statement.SQL.String(), tx.Statement.Vars})
		}
	}
}

// Plan is a step of a plan, as in the output of EXPLAIN (FORMAT JSON).
type Plan struct {
	Type    string  `json:"Node Type"`
	Index   string  `json:"Index Name"`
	Cond    string  `json:"Index Cond"`
	Removed float64 `json:"Rows Removed by Filter"`
	Fetches int     `json:"Heap Fetches"` // of an Index Only Scan
	Hit     int     `json:"Shared Hit Blocks"`
	Read    int     `json:"Shared Read Blocks"`
	Time    float64 `json:"Actual Total Time"` // in milliseconds
	Below   []Plan  `json:"Plans"`
}

// Buffers returns the number of buffers that the plan read.
func (n Plan) Buffers() int { return n.Hit + n.Read }

// Steps returns the nodes of the plan, the outermost first.
func (n Plan) Steps() []Plan {
	all := []Plan{n}
	for _, below := range n.Below {
		all = append(all, below.Steps()...)
	}
	return all
}

// Explain runs the statement on PostgreSQL with one of the PlanModes and returns its plan. It undoes the changes of an
// update or a deletion.
func (s Statement) Explain(t testing.TB, db *database.DB, mode string) (plan Plan) {
	t.Helper()
	values := make([]string, len(s.Values))
	for i, value := range s.Values {
		if v, ok := value.(driver.Valuer); ok {
			value, _ = v.Value()
		}
		if values[i] = "NULL"; value != nil {
			values[i] = "'" + strings.ReplaceAll(fmt.Sprint(value), "'", "''") + "'"
		}
	}
	var text string
	require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
		tx := db.Write(ctx)
		for _, before := range []string{"SET LOCAL plan_cache_mode = " + mode, "PREPARE listed AS " + s.SQL} {
			require.NoError(t, tx.Exec(before).Error)
		}
		execute := "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE listed(" + strings.Join(values, ", ") + ")"
		for range 7 { // PostgreSQL chooses the plan with the sixth
			require.NoError(t, tx.Exec("SAVEPOINT unchanged").Error)
			require.NoError(t, tx.Raw(execute).Scan(&text).Error, s.SQL)
			require.NoError(t, tx.Exec("ROLLBACK TO SAVEPOINT unchanged").Error)
		}
		return tx.Exec("DEALLOCATE listed").Error
	}))
	var plans []struct{ Plan Plan }
	require.NoError(t, json.Unmarshal([]byte(text), &plans))
	return plans[0].Plan
}

// QueryPlan returns SQLite's plan of the statement. SQLite plans without statistics, so the rows do not matter.
func (s Statement) QueryPlan(t testing.TB, db *database.DB) string {
	t.Helper()
	var steps []struct{ Detail string }
	require.NoError(t, db.Read(t.Context()).Raw("EXPLAIN QUERY PLAN "+s.SQL, s.Values...).Scan(&steps).Error)
	return fmt.Sprint(steps)
}

// RequireQueryPlan requires SQLite's plan of the statement to contain the step and to sort nothing.
func (s Statement) RequireQueryPlan(t testing.TB, db *database.DB, step string) {
	t.Helper()
	plan := s.QueryPlan(t, db)
	require.Contains(t, plan, step, s.SQL)
	require.NotContains(t, plan, "TEMP B-TREE", s.SQL)
}
