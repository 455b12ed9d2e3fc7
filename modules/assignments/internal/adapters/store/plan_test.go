package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// TestX21_ListPlans verifies X21, on skewed data: whosever assignments are listed and wherever the page, a list reads one index and hardly a row
// more than it answers.
func TestX21_ListPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rows := map[database.Engine]int{database.Postgres: 10_000, database.SQLite: 300}[db.Engine()] // SQLite plans without statistics
		owner, patient, doctor := crowd(t, db, rows)
		sent, repository := databasetest.LastQuery(t, db), store.New(db)
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
					var first, deep databasetest.Statement
					for _, s := range []*databasetest.Statement{&first, &deep} {
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
						first.RequireQueryPlan(t, db, "SEARCH assignments USING INDEX "+one.index+" ("+equal+")")
						deep.RequireQueryPlan(t, db, "SEARCH assignments USING INDEX "+one.index+" ("+equal+" AND (assigned_at,id)")
						return
					}
					for _, mode := range databasetest.PlanModes {
						start, far := first.Explain(t, db, mode), deep.Explain(t, db, mode)
						databasetest.RequireIndex(t, start, one.index, one.cond...)
						databasetest.RequireIndex(t, far, one.index, append(one.cond, "ROW(assigned_at, id)")...)
						databasetest.RequireSameCost(t, start, far)
					}
				})
			}
		}
	})
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
