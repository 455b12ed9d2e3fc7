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

// TestX21_ListPlans verifies X21 for owners with different numbers of assignments. With each filter and at each
// position, a page reads one index and few rows more than it returns.
func TestX21_ListPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		// SQLite plans without statistics
		rows := map[database.Engine]int{database.Postgres: 10_000, database.SQLite: 300}[db.Engine()]
		owner, patient, doctor := insertAssignments(t, db, rows)
		sent, repository := databasetest.LastQuery(t, db), store.New(db)
		for owners, list := range map[string]struct {
			filter domain.Filter
			index  string
			cond   []string
		}{
			"of an owner": {domain.Filter{}, "assignments_owner_id_assigned_at_idx", []string{"owner_id"}},
			"of a patient": {
				domain.Filter{Patient: &patient}, "assignments_patient_id_assigned_at_idx", []string{"patient_id"},
			},
			"of a doctor and an owner": {
				domain.Filter{Doctor: &doctor}, "assignments_doctor_id_assigned_at_idx",
				[]string{"doctor_id", "owner_id"},
			},
		} {
			for _, descending := range []bool{false, true} {
				name := fmt.Sprintf("%s, descending %v: all pages cost the same", owners, descending)
				t.Run(name, func(t *testing.T) {
					request := paging.Request{Limit: 50, Order: []paging.Order{
						{Column: "assigned_at", Descending: descending}, {Column: "id", Descending: descending},
					}}
					var first, deep databasetest.Statement
					for _, s := range []*databasetest.Statement{&first, &deep} {
						scope, none := patients.OwnedBy(owner), patients.Exceptions{}
						page, err := repository.List(t.Context(), scope, none, list.filter, request)
						require.NoError(t, err)
						require.NotNil(t, page.Next, "the page is full")
						*s = *sent
						before := request
						before.Limit = rows * 4 / 5
						page, err = repository.List(t.Context(), scope, none, list.filter, before)
						require.NoError(t, err)
						request.After = page.Next
					}
					if db.Engine() == database.SQLite {
						equal := strings.Join(list.cond, "=? AND ") + "=?"
						search := "SEARCH assignments USING INDEX " + list.index
						first.RequireQueryPlan(t, db, search+" ("+equal+")")
						deep.RequireQueryPlan(t, db, search+" ("+equal+" AND (assigned_at,id)")
						return
					}
					for _, mode := range databasetest.PlanModes {
						start, far := first.Explain(t, db, mode), deep.Explain(t, db, mode)
						databasetest.RequireIndex(t, start, list.index, list.cond...)
						databasetest.RequireIndex(t, far, list.index, append(list.cond, "ROW(assigned_at, id)")...)
						databasetest.RequireSameCost(t, start, far)
					}
				})
			}
		}
	})
}

// insertAssignments inserts one owner with rows patients, all treated by one doctor. One of the patients is treated by
// rows doctors. Other users, at most 2,000, have three patients each, treated by the same doctor. It returns the owner,
// the patient and the doctor.
func insertAssignments(t *testing.T, db *database.DB, rows int) (owner, patient, doctor uuid.UUID) {
	t.Helper()
	owner, patient, doctor = uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	id, at, yes := `gen_random_uuid()`, `to_timestamp(1760000000 + i / 3)`, "true"
	if db.Engine() == database.SQLite {
		id = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' ||
			hex(randomblob(2)) || '-' || hex(randomblob(6)))`
		at, yes = `strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1760000000 + i / 3, 'unixepoch')`, "1"
	}
	// rows of one page are stored together, so that its cost does not vary
	later := strings.ReplaceAll(at, "i / 3", fmt.Sprintf("%d + i / 3", rows))
	const series = `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?) `
	users := series + `INSERT INTO users
		(id, name, email, mailbox, username, password_hash, active, token_version, created_at, updated_at)
		SELECT ` + id + `, 'few', 'few@example.com', 'few' || i, 'few' || i, '-', ` + yes + `, 0,
			` + at + `, ` + at + ` FROM s`
	patientsOf := series + `INSERT INTO patients
		(id, owner_id, name, gender, age, email, phone, address, notes, version, created_at, updated_at)
		SELECT ` + id + `, users.id, i, 'Other', 1, '', '', '', '', 1, ` + at + `, ` + at + `
		FROM s CROSS JOIN users WHERE users.name = ?`
	doctors := series + `INSERT INTO doctors
		(id, name, specialization, experience, email, phone, version, created_at, updated_at)
		SELECT ` + id + `, i, 'S', 1, '', '', 1, ` + later + `, ` + later + ` FROM s`
	const assignments = `INSERT INTO assignments (id, owner_id, patient_id, doctor_id, assigned_at) `
	run(t, db, users, min(rows, 2_000)+1)
	run(t, db, `UPDATE users SET id = ?, name = 'many' WHERE username = 'few1'`, owner)
	run(t, db, patientsOf, rows, "many")
	run(t, db, patientsOf, 3, "few")
	run(t, db, `UPDATE patients SET id = ? WHERE name = '1' AND owner_id = ?`, patient, owner)
	run(t, db, doctors, rows)
	run(t, db, `UPDATE doctors SET id = ? WHERE name = '1'`, doctor)
	run(t, db, assignments+`SELECT `+id+`, owner_id, id, ?, created_at FROM patients`, doctor)
	run(t, db, assignments+`SELECT `+id+`, ?, ?, id, created_at FROM doctors WHERE name <> '1'`, owner, patient)
	if db.Engine() == database.Postgres {
		run(t, db, `VACUUM ANALYZE assignments`)
	}
	return owner, patient, doctor
}
