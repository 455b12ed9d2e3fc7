package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestPatientsAreFoundByTheirIDs has patients who are asked for by id be read by id: a page of assignments must not cost what all of its owner's patients do.
func TestPatientsAreFoundByTheirIDs(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rows := map[database.Engine]int{database.Postgres: 30_000, database.SQLite: 300}[db.Engine()] // SQLite plans without statistics
		owner := crowd(t, db, rows, 10, 3)
		var ids []patients.ID
		require.NoError(t, db.Read(t.Context()).Table("patients").Where("owner_id = ?", owner).Limit(50).Pluck("id", &ids).Error)
		sent := databasetest.LastQuery(t, db)
		found, err := store.New(db).FindAll(t.Context(), patients.OwnedBy(owner), ids)
		require.NoError(t, err)
		require.Len(t, found, 50)
		if db.Engine() == database.SQLite {
			require.Contains(t, sent.QueryPlan(t, db), "sqlite_autoindex_patients_1 (id=?)", sent.SQL)
			return
		}
		for _, mode := range databasetest.PlanModes {
			plan := sent.Explain(t, db, mode)
			require.Contains(t, fmt.Sprintf("%+v", plan), "Index:patients_pkey")
			require.NotContains(t, strings.Join(indexes(plan), " "), "owner_id")
			require.Less(t, plan.Buffers(), 400, "%+v", plan)
		}
	})
}

func indexes(plan databasetest.Plan) (names []string) {
	for _, step := range plan.Steps() {
		names = append(names, step.Index)
	}
	return names
}
