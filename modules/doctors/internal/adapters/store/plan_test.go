package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// TestX21_ListPlans verifies X21: in each order and at each position, a page of the directory reads one index and few
// rows more than it returns.
func TestX21_ListPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		// SQLite plans without statistics
		rows := map[database.Engine]int{database.Postgres: 30_000, database.SQLite: 300}[db.Engine()]
		insertDoctors(t, db, rows)
		sent, repository := databasetest.LastQuery(t, db), store.New(db)
		for _, column := range []string{"created_at", "updated_at", "name", "specialization", "experience"} {
			for _, descending := range []bool{false, true} {
				name := fmt.Sprintf("by %s, descending %v: all pages cost the same", column, descending)
				t.Run(name, func(t *testing.T) {
					request := paging.Request{Limit: 50, Order: []paging.Order{
						{Column: column, Descending: descending}, {Column: "id", Descending: descending},
					}}
					var first, deep databasetest.Statement
					for _, s := range []*databasetest.Statement{&first, &deep} {
						page, err := repository.List(t.Context(), domain.Filter{}, request)
						require.NoError(t, err)
						require.NotNil(t, page.Next, "the page is full")
						*s = *sent
						stored := db.Read(t.Context()).Table("doctors")
						request.After = databasetest.KeyAt(t, stored, request.Order, rows*4/5)
					}
					index := "doctors_" + column + "_idx"
					if db.Engine() == database.SQLite {
						first.RequireQueryPlan(t, db, "SCAN doctors USING INDEX "+index)
						deep.RequireQueryPlan(t, db, "SEARCH doctors USING INDEX "+index+" (("+column+",id)")
						return
					}
					for _, mode := range databasetest.PlanModes {
						start, far := first.Explain(t, db, mode), deep.Explain(t, db, mode)
						databasetest.RequireIndex(t, start, index)
						databasetest.RequireIndex(t, far, index, "ROW("+column+", id)")
						databasetest.RequireSameCost(t, start, far)
					}
				})
			}
		}
		t.Run("a search reads the trigram index", func(t *testing.T) {
			if db.Engine() == database.SQLite {
				t.Skip("SQLite has no such index: a search reads the directory")
			}
			page, err := repository.List(t.Context(), domain.Filter{Search: "zebra"}, newestFirst)
			require.NoError(t, err)
			require.NotEmpty(t, page.Items)
			for _, mode := range []string{"auto", "force_custom_plan"} {
				plan := sent.Explain(t, db, mode)
				steps := plan.Steps()
				require.Equal(t, "doctors_search_text_idx", steps[len(steps)-1].Index, "%s: %+v", mode, plan)
			}
		})
	})
}

// insertDoctors fills the directory. Three doctors share each time, many a specialization, every 5,000th is a zebra.
func insertDoctors(t testing.TB, db *database.DB, rows int) {
	t.Helper()
	id, word, at := `gen_random_uuid()`, `substr(md5(i::text), 1, 4)`, `to_timestamp(1760000000 + %s)`
	if db.Engine() == database.SQLite {
		id = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' ||
			hex(randomblob(2)) || '-' || hex(randomblob(6)))`
		word = `printf('%04x', i * 40503 % 65536)`
		at = `strftime('%%Y-%%m-%%dT%%H:%%M:%%S.000000Z', 1760000000 + %s, 'unixepoch')`
	}
	created, updated := fmt.Sprintf(at, "i / 3"), fmt.Sprintf(at, "i % 100000 * 7919 % 100003")
	require.NoError(t, db.Write(t.Context()).Exec(
		`WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?)
		INSERT INTO doctors
			(id, name, specialization, experience, email, phone, search_text, version, created_at, updated_at)
		SELECT `+id+`, 'Dr. ' || `+word+`, 'Specialization ' || i % 30, i % 50, '', '',
			'dr. ' || `+word+` || CASE WHEN i % 5000 = 7 THEN ' zebra' ELSE '' END, 1,
			`+created+`, `+updated+`
		FROM s`, rows).Error)
	if db.Engine() == database.Postgres {
		require.NoError(t, db.Write(t.Context()).Exec("VACUUM ANALYZE doctors").Error)
	}
}
