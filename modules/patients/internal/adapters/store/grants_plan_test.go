package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// TestX21_GrantPlans verifies X21 for users to whom many patients are granted, and for those who own many as well. In
// each order, the first page and a deep one read the ranges of the page only.
func TestX21_GrantPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rows := map[database.Engine]int{database.Postgres: 40_000, database.SQLite: 600}[db.Engine()]
		owner := insertPatients(t, db, rows, min(rows, 2_000), 3)
		other, doctor := databasetest.NewUser(t, db), newUUID()
		insertGrants(t, db, owner, other, doctor)
		sent, repository := databasetest.Queries(t, db), store.New(db)
		asDoctor, asSelf := auth.Capacity{ID: doctor, Kind: auth.AsDoctor}, auth.Capacity{ID: owner, Kind: auth.AsSelf}
		most := insertPractices(t, db, owner, other)
		most.For = append(most.For, asDoctor)
		require.Len(t, most.For, auth.MaxCapacities)
		for name, who := range map[string]auth.Principal{
			"a doctor":                      {UserID: newUUID(), For: []auth.Capacity{asDoctor}},
			"a doctor and an owner":         {UserID: owner, For: []auth.Capacity{asDoctor, asSelf}},
			"a user of the most capacities": most,
		} {
			scope, pages := patients.VisibleTo(who, now), len(who.For)*100
			for _, column := range []string{"created_at", "updated_at", "name"} {
				t.Run(name+" by "+column, func(t *testing.T) {
					order := []paging.Order{{Column: column, Descending: true}, {Column: "id", Descending: true}}
					request := paging.Request{Limit: 50, Order: order}
					var sentFor []databasetest.Statement
					for range 2 {
						*sent = nil
						page, err := repository.List(t.Context(), scope, domain.Filter{}, request)
						require.NoError(t, err)
						require.Len(t, page.Items, 50)
						require.Len(t, *sent, 2, "the page, and the reasons for which its patients are visible")
						requireFewPages(t, db, (*sent)[1], 100+51*6)
						sentFor = append(sentFor, (*sent)[0])
						stored := db.Read(t.Context()).Table("patients").Where("owner_id = ?", other)
						request.After = databasetest.KeyAt(t, stored, order, rows/4)
					}
					if db.Engine() == database.SQLite {
						first, deep := sentFor[0].QueryPlan(t, db), sentFor[1].QueryPlan(t, db)
						index := "patient_grants_grantee_id_patient_" + column + "_idx (grantee_id=?"
						require.Contains(t, first, index+")")
						require.Contains(t, deep, index+" AND (patient_"+column+",patient_id)<(?,?))")
						require.NotContains(t, deep, "SCAN patient", "no table is read whole")
						return
					}
					for _, mode := range databasetest.PlanModes {
						for _, page := range sentFor {
							plan := page.Explain(t, db, mode)
							require.Less(t, plan.Buffers(), min(max(2*100, pages)+51*6, 1000), "%+v", plan)
							t.Logf("%s: %d buffers, %.2f ms", mode, plan.Buffers(), plan.Time)
						}
					}
				})
			}
			filters := map[string]domain.Filter{
				"that few patients pass": {Search: "zebra"},
				"of old patients":        {CreatedBefore: deepTime(t, db, other, rows/4)},
			}
			for filtered, filter := range filters {
				t.Run(name+" with a filter "+filtered, func(t *testing.T) {
					request := databasetest.NewestFirst("created_at")
					request.Limit = 50
					*sent = nil
					_, err := repository.List(t.Context(), scope, filter, request)
					require.NoError(t, err)
					if db.Engine() == database.SQLite && !filter.CreatedBefore.IsZero() {
						require.Contains(t, (*sent)[0].QueryPlan(t, db), "(grantee_id=? AND patient_created_at<?)")
					}
					if db.Engine() == database.Postgres {
						plan := (*sent)[0].Explain(t, db, "force_custom_plan")
						require.Less(t, plan.Buffers(), max(3*100, 3*pages)+51*6, "%+v", plan)
					}
				})
			}
			t.Run(name+" finds one patient", func(t *testing.T) {
				for _, id := range idsOf(listAll(t.Context(), t, repository, patients.OwnedBy(other)))[30:31] {
					*sent = nil
					_, err := repository.Find(t.Context(), scope, id)
					require.NoError(t, err)
					require.Len(t, *sent, 2)
					for _, statement := range *sent {
						requireFewPages(t, db, statement, 30)
					}
				}
			})
		}
	})
}

// insertPractices grants the patients of the users with few to five practices, and hides twenty from their members. It
// returns a member who stands in for the owner and for other.
func insertPractices(t *testing.T, db *database.DB, owner, other uuid.UUID) auth.Principal {
	t.Helper()
	member, write := auth.Principal{UserID: newUUID()}, db.Write(t.Context())
	for range 5 {
		practice := newUUID()
		grants := grantsTo("'"+practice.String()+"'") + "owner_id NOT IN (?, ?)"
		require.NoError(t, write.Exec(grants, owner, other).Error)
		member.For = append(member.For, auth.Capacity{ID: practice, Kind: auth.AsPractice, Level: auth.Write})
	}
	member.For = append(member.For, auth.Capacity{ID: member.UserID, Kind: auth.AsSelf},
		auth.Capacity{ID: owner, Kind: auth.AsDeputy, Level: auth.Read},
		auth.Capacity{ID: other, Kind: auth.AsDeputy, Level: auth.Read})
	require.NoError(t, write.Exec(`INSERT INTO patient_restrictions (grantee_id, patient_id, kind, said_by, created_at)
		SELECT ?, id, 'user', owner_id, created_at FROM patients ORDER BY created_at DESC, id DESC LIMIT 20`,
		member.UserID).Error)
	if db.Engine() == database.Postgres {
		require.NoError(t, write.Exec("VACUUM ANALYZE patient_grants, patient_restrictions").Error)
	}
	return member
}

// requireFewPages requires that the statement reads few pages on PostgreSQL, and no whole table on SQLite.
func requireFewPages(t *testing.T, db *database.DB, statement databasetest.Statement, most int) {
	t.Helper()
	if db.Engine() == database.SQLite {
		plan := statement.QueryPlan(t, db)
		for _, table := range []string{"patients", "g"} {
			require.NotContains(t, plan, "SCAN "+table, "no table is read whole")
		}
		return
	}
	for _, mode := range databasetest.PlanModes {
		plan := statement.Explain(t, db, mode)
		require.Less(t, plan.Buffers(), most, "%+v", plan)
	}
}

// deepTime returns the creation time of one of the owner's patients in the order of lists.
func deepTime(t *testing.T, db *database.DB, owner uuid.UUID, depth int) time.Time {
	t.Helper()
	var times []database.Time
	stored := db.Read(t.Context()).Table("patients").Where("owner_id = ?", owner)
	require.NoError(t, stored.Order("created_at DESC").Offset(depth).Limit(1).Pluck("created_at", &times).Error)
	return times[0].Time
}

// insertGrants makes other the owner of half of the owner's patients, and grants these to the doctor. Each of the other
// users' patients is granted to a doctor of a few.
func insertGrants(t *testing.T, db *database.DB, owner, other, doctor uuid.UUID) {
	t.Helper()
	write := db.Write(t.Context())
	require.NoError(t, write.Exec("UPDATE patients SET owner_id = ? WHERE owner_id = ? AND id < ?", other, owner,
		uuid.MustParse("80000000-0000-4000-8000-000000000000")).Error)
	grantTo := func(grantee, where string, values ...any) {
		require.NoError(t, write.Exec(grantsTo(grantee)+where, values...).Error)
	}
	grantTo("'"+doctor.String()+"'", "owner_id = ?", other)
	grantTo("owner_id", "owner_id NOT IN (?, ?)", owner, other)
	if db.Engine() == database.Postgres {
		require.NoError(t, write.Exec("VACUUM ANALYZE patients, patient_grants").Error)
	}
}

// grantsTo returns the start of a statement that grants patients to the grantee. The condition follows.
func grantsTo(grantee string) string {
	return `INSERT INTO patient_grants (patient_id, grantee_id, basis, source_id, level, granted_by, granted_at,
		patient_created_at, patient_updated_at, patient_name)
		SELECT id, ` + grantee + `, 'care', id, 'read', owner_id, created_at, created_at, updated_at, name
		FROM patients WHERE `
}
