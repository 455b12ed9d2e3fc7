package store_test

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// TestListPlans is TRUST.md, X21, on skewed data: whosever assignments are listed and wherever the page, a list reads one index and hardly a row
// more than it answers.
func TestListPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rows := map[database.Engine]int{database.Postgres: 10_000, database.SQLite: 300}[db.Engine()] // SQLite plans without statistics
		owner, patient, doctor := crowd(t, db, rows)
		sent, repository := listen(t, db), store.New(db)
		for what, one := range map[string]struct {
			filter domain.Filter
			index  string
			cond   []string
		}{
			"an owner's":              {domain.Filter{}, "assignments_owner_id_assigned_at_idx", []string{"owner_id"}},
			"a patient's":             {domain.Filter{Patient: &patient}, "assignments_patient_id_assigned_at_idx", []string{"patient_id"}},
			"a doctor's of one owner": {domain.Filter{Doctor: &doctor}, "assignments_doctor_id_assigned_at_idx", []string{"doctor_id", "owner_id"}},
		} {
			for _, down := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, descending %v: every page costs the same", what, down), func(t *testing.T) {
					request := paging.Request{Limit: 50, Order: []paging.Order{{Column: "assigned_at", Descending: down}, {Column: "id", Descending: down}}}
					var first, deep statement
					for _, s := range []*statement{&first, &deep} {
						page, err := repository.List(t.Context(), patients.OwnedBy(owner), one.filter, request)
						require.NoError(t, err)
						require.NotNil(t, page.Next, "a full page")
						*s = *sent
						before := request
						before.Limit = rows * 4 / 5
						page, err = repository.List(t.Context(), patients.OwnedBy(owner), one.filter, before)
						require.NoError(t, err)
						request.After = page.Next
					}
					if db.Engine() == database.SQLite {
						equal := strings.Join(one.cond, "=? AND ") + "=?"
						requireQueryPlan(t, db, first, "SEARCH assignments USING INDEX "+one.index+" ("+equal+")")
						requireQueryPlan(t, db, deep, "SEARCH assignments USING INDEX "+one.index+" ("+equal+" AND (assigned_at,id)")
						return
					}
					for _, mode := range modes {
						start, far := first.explain(t, db, mode), deep.explain(t, db, mode)
						requireIndex(t, start, one.index, one.cond...)
						requireIndex(t, far, one.index, append(one.cond, "ROW(assigned_at, id)")...)
						requireSameCost(t, start, far)
					}
				})
			}
		}
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

// crowd gives one owner many patients, all treated by one doctor, and one of them by as many doctors; 2,000 others, or as many as
// rows, have three patients each, treated by the same doctor.
func crowd(t *testing.T, db *database.DB, rows int) (owner, patient, doctor uuid.UUID) {
	t.Helper()
	owner, patient, doctor = uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	id, at, yes := `gen_random_uuid()`, `to_timestamp(1760000000 + i / 3)`, "true"
	if db.Engine() == database.SQLite {
		id = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(6)))`
		at, yes = `strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1760000000 + i / 3, 'unixepoch')`, "1"
	}
	later := strings.ReplaceAll(at, "i / 3", fmt.Sprintf("%d + i / 3", rows)) // a page's rows lie together, so that its cost does not vary
	const series = `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?) `
	treated := series + `INSERT INTO patients (id, owner_id, name, gender, age, email, phone, address, notes, version, created_at, updated_at)
		SELECT ` + id + `, users.id, i, 'Other', 1, '', '', '', '', 1, ` + at + `, ` + at + ` FROM s CROSS JOIN users WHERE users.name = ?`
	insert(t, db, series+`INSERT INTO users (id, name, email, mailbox, username, password_hash, active, token_version, created_at, updated_at)
		SELECT `+id+`, 'few', 'few@example.com', 'few' || i, 'few' || i, '-', `+yes+`, 0, `+at+`, `+at+` FROM s`, min(rows, 2_000)+1)
	insert(t, db, `UPDATE users SET id = ?, name = 'many' WHERE username = 'few1'`, owner)
	insert(t, db, treated, rows, "many")
	insert(t, db, treated, 3, "few")
	insert(t, db, `UPDATE patients SET id = ? WHERE name = '1' AND owner_id = ?`, patient, owner)
	insert(t, db, series+`INSERT INTO doctors (id, name, specialization, experience, email, phone, version, created_at, updated_at)
		SELECT `+id+`, i, 'S', 1, '', '', 1, `+later+`, `+later+` FROM s`, rows)
	insert(t, db, `UPDATE doctors SET id = ? WHERE name = '1'`, doctor)
	insert(t, db, `INSERT INTO assignments (id, owner_id, patient_id, doctor_id, assigned_at) SELECT `+id+`, owner_id, id, ?, created_at FROM patients`, doctor)
	insert(t, db, `INSERT INTO assignments (id, owner_id, patient_id, doctor_id, assigned_at) SELECT `+id+`, ?, ?, id, created_at FROM doctors WHERE name <> '1'`,
		owner, patient)
	if db.Engine() == database.Postgres {
		insert(t, db, `VACUUM ANALYZE assignments`)
	}
	return owner, patient, doctor
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
