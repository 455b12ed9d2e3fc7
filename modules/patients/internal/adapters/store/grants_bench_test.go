package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// BenchmarkGrantedList measures pages of 50 patients of an owner of half of BENCH_ROWS, of a doctor of a quarter, and
// of a user who owns 10 % and is the doctor of 15 %. On PostgreSQL it reports the buffers that a page reads. With
// BENCH_ROWS=200000 these are owners of 100,000 and 20,000, and doctors of 50,000 and 30,000. 4,000 more users own 28.
func BenchmarkGrantedList(b *testing.B) {
	rows := sizeFromEnv(b, "BENCH_ROWS", 2_000)
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		b.Run(engine.String(), func(b *testing.B) {
			benchmarkGrantedList(b, databasetest.OpenForBench(b, engine), rows)
		})
	}
}

func benchmarkGrantedList(b *testing.B, db *database.DB, rows int) {
	owner := insertPatients(b, db, rows, 4_000, 28)
	both, keeper := databasetest.NewUser(b, db), databasetest.NewUser(b, db)
	doctor, doctorOfBoth := newUUID(), newUUID()
	splitPatients(b, db, owner, both, keeper, doctor, doctorOfBoth)
	sent, repository := databasetest.LastQuery(b, db), store.New(db)
	asSelf := []auth.Capacity{{ID: owner, Kind: auth.AsSelf}}
	for _, who := range []struct {
		name      string
		principal auth.Principal
		rows      int
	}{
		{"an owner", auth.Principal{UserID: owner}, rows / 2},
		{"an owner who acts for themselves", auth.Principal{UserID: owner, For: asSelf}, rows / 2},
		{"a doctor", auth.Principal{UserID: newUUID(), For: actingFor(doctor)}, rows / 4},
		{"both", auth.Principal{UserID: both, For: actingFor(doctorOfBoth)}, rows / 4},
	} {
		scope := patients.VisibleTo(who.principal, now)
		request := databasetest.NewestFirst("created_at")
		request.Limit = 50
		for _, page := range []string{"first page", "deep page"} {
			if page == "deep page" { // of the same times for all
				stored := db.Read(b.Context()).Table("patients").Where("owner_id = ?", keeper)
				request.After = databasetest.KeyAt(b, stored, request.Order, rows*4/10*4/5)
			}
			b.Run(fmt.Sprintf("%s of %d/%s", who.name, who.rows, page), func(b *testing.B) {
				for b.Loop() {
					found, err := repository.List(b.Context(), scope, domain.Filter{}, request)
					require.NoError(b, err)
					require.Len(b, found.Items, 50)
				}
				if db.Engine() == database.Postgres {
					for _, mode := range databasetest.PlanModes {
						b.ReportMetric(float64(sent.Explain(b, db, mode).Buffers()), mode+"-buffers")
					}
				}
			})
		}
	}
}

func actingFor(doctor uuid.UUID) []auth.Capacity {
	return []auth.Capacity{{ID: doctor, Kind: auth.AsDoctor}}
}

// splitPatients gives 10 % of the owner's patients to both and 40 % to keeper, of which 25 and 15 % of all are granted
// to the doctors. Each of the other users' patients is granted to a doctor of a few.
func splitPatients(b *testing.B, db *database.DB, owner, both, keeper, doctor, doctorOfBoth uuid.UUID) {
	b.Helper()
	part := func(percent int) string { return fmt.Sprintf("%08x-0000-4000-8000-000000000000", 1<<32*percent/100) }
	require.NoError(b, db.Do(b.Context(), func(ctx context.Context) error {
		exec := func(statement string, values ...any) {
			require.NoError(b, db.Write(ctx).Exec(statement, values...).Error)
		}
		if db.Engine() == database.Postgres {
			exec("SET LOCAL statement_timeout = 0")
		}
		exec("UPDATE patients SET owner_id = ? WHERE owner_id = ? AND id < ?", both, owner, part(10))
		exec("UPDATE patients SET owner_id = ? WHERE owner_id = ? AND id < ?", keeper, owner, part(50))
		exec(grantsTo("owner_id")+"owner_id NOT IN (?, ?, ?)", owner, both, keeper)
		exec(grantsTo("'"+doctor.String()+"'")+"owner_id = ? AND id < ?", keeper, part(35))
		exec(grantsTo("'"+doctorOfBoth.String()+"'")+"owner_id = ? AND id >= ?", keeper, part(35))
		return nil
	}))
	if db.Engine() == database.Postgres {
		require.NoError(b, db.Write(b.Context()).Exec("VACUUM ANALYZE patients, patient_grants").Error)
	}
}
