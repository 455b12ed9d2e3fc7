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

// TestFindAllUsesThePrimaryKey checks that FindAll reads the requested patients only. A page of assignments would
// otherwise read all patients of its owner.
func TestFindAllUsesThePrimaryKey(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		// SQLite plans without statistics
		rows := map[database.Engine]int{database.Postgres: 30_000, database.SQLite: 300}[db.Engine()]
		owner := insertPatients(t, db, rows, 10, 3)
		var ids []patients.ID
		require.NoError(t, db.Read(t.Context()).Table("patients").
			Where("owner_id = ?", owner).Limit(50).Pluck("id", &ids).Error)
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
