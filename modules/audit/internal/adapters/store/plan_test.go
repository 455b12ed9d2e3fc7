package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/modules/audit/audittest"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// TestX21_ListPlans verifies X21 on a trail of three users, one of whom has no recent entries: a list reads few rows
// that it does not return, on every page and in every partition.
func TestX21_ListPlans(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		rows := 10_000
		if db.Engine() == database.SQLite {
			rows = 300 // enough, because SQLite plans without statistics
		}
		quiet := fillTrail(t, db, rows)
		sent := databasetest.LastQuery(t, db)
		for name, one := range map[string]struct {
			filter      domain.Filter
			index, cond string
		}{
			"all entries":          {domain.Filter{}, "expr_created_at", "(chain * 0) = "},
			"entries of an actor":  {domain.Filter{Actor: &quiet}, "actor_id_created_at", "actor_id = "},
			"entries of an action": {domain.Filter{Action: "search"}, "action_created_at", "action = "},
			"entries of an actor and an action": {
				domain.Filter{Actor: &quiet, Action: "search"}, "actor_id_created_at", "actor_id = ",
			},
		} {
			request := paging.Request{Limit: 50, Order: newest}
			for _, page := range []string{"the first page", "the second page"} {
				found, err := ledger.List(t.Context(), one.filter, request)
				require.NoError(t, err)
				require.NotNil(t, found.Next, "a full page")
				request.After = found.Next
				statement := *sent
				t.Run(page+" of "+name, func(t *testing.T) {
					if db.Engine() == database.SQLite {
						plan := statement.QueryPlan(t, db)
						search := "SEARCH audit_entries USING INDEX audit_entries_" + one.index + "_idx"
						require.Contains(t, plan, search, statement.SQL)
						require.NotContains(t, plan, "TEMP B-TREE")
						return
					}
					for _, mode := range databasetest.PlanModes {
						plan := statement.Explain(t, db, mode)
						for _, step := range plan.Steps() {
							// Empty partitions are scanned and few own rows are sorted, at almost no cost.
							require.LessOrEqual(t, step.Removed, 10.0, "%s: %+v", mode, plan)
							if step.Index != "" {
								require.Contains(t, step.Cond, one.cond, "%s: %+v", mode, plan)
								index := strings.TrimSuffix(one.index, "_created_at")
								require.Contains(t, step.Index, index, "%s: %+v", mode, plan)
							}
						}
						require.LessOrEqual(t, plan.Buffers(), 400, "%s: %+v", mode, plan)
					}
				})
			}
		}
		patientPlans(t, db, ledger, quiet)
	})
}

// patientPlans verifies the plans of entries about a patient: a range of audit_subjects, and a lookup of its entries.
func patientPlans(t *testing.T, db *database.DB, ledger ports.Ledger, quiet uuid.UUID) {
	var sent []databasetest.Statement
	queries := db.Read(t.Context()).Callback().Query().After("gorm:query")
	require.NoError(t, queries.Register("test:all", func(tx *gorm.DB) {
		if strings.HasPrefix(tx.Statement.SQL.String(), "SELECT 1 ") { // a subquery of the next statement
			return
		}
		sent = append(sent, databasetest.Statement{SQL: tx.Statement.SQL.String(), Values: tx.Statement.Vars})
	}))
	for name, filter := range map[string]domain.Filter{
		"one patient":                {Patient: &quiet},
		"one patient and one actor":  {Patient: &quiet, Actor: &quiet},
		"one patient and one action": {Patient: &quiet, Action: "search"},
	} {
		sent = nil
		request := paging.Request{Limit: 50, Order: newest}
		page, err := ledger.List(t.Context(), filter, request)
		require.NoError(t, err)
		require.Len(t, page.Items, 50)
		require.Len(t, sent, 2)
		for i, statement := range sent {
			t.Run(fmt.Sprint(name, ", statement ", i+1), func(t *testing.T) {
				if db.Engine() == database.SQLite {
					plan := statement.QueryPlan(t, db)
					searches := []string{
						"SEARCH audit_subjects USING PRIMARY KEY (patient_id=?",
						"SEARCH audit_entries USING INDEX",
					}
					require.Contains(t, plan, searches[i], statement.SQL)
					require.NotContains(t, plan, "SCAN audit")
					require.NotContains(t, plan, "TEMP B-TREE")
					return
				}
				for _, mode := range databasetest.PlanModes {
					plan := statement.Explain(t, db, mode)
					for _, step := range plan.Steps() {
						require.LessOrEqual(t, step.Removed, 10.0, "%s: %+v", mode, plan)
					}
					require.LessOrEqual(t, plan.Buffers(), 1100, "%s: %+v", mode, plan) // five for each of 200 entries
				}
			})
		}
	}
}

// fillTrail appends entries of three months and three users. It returns the user who is the actor and the patient of
// the first 200 entries only.
func fillTrail(t *testing.T, db *database.DB, rows int) (quiet uuid.UUID) {
	t.Helper()
	quiet = uuid.New()
	busy := []uuid.UUID{uuid.New(), uuid.New()}
	start := time.Date(2026, time.September, 1, 0, 0, 0, 0, time.UTC)
	for month := range 3 {
		prepareMonth(t.Context(), t, db, start.AddDate(0, month, 0))
	}
	entries := fullEntries(rows)
	for i := range entries {
		entries[i].ActorID = busy[i%2]
		entries[i].PatientID = busy[i%2]
		if i < 200 {
			entries[i].ActorID, entries[i].PatientID, entries[i].Action = quiet, quiet, "search"
		}
	}
	for chain := range domain.Chains {
		var its []domain.Entry
		for i := chain; i < rows; i += domain.Chains {
			its = append(its, entries[i])
		}
		audittest.AppendToChain(t.Context(), t, db, keys, chain+1, func(i int) time.Time {
			return start.Add(time.Duration(chain+i*domain.Chains) * 90 * 24 * time.Hour / time.Duration(rows))
		}, its...)
	}
	if db.Engine() == database.Postgres {
		require.NoError(t, db.Write(t.Context()).Exec("ANALYZE audit_entries, audit_subjects").Error)
	}
	return quiet
}
