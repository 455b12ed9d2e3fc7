package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// TestX21_ListPlans verifies X21, on a trail where three users did everything and one of them nothing lately: a list reads its own entries and
// hardly one more, on every page, in every partition.
func TestX21_ListPlans(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, ledger ports.Ledger) {
		rows := map[database.Engine]int{database.Postgres: 10_000, database.SQLite: 300}[db.Engine()] // SQLite plans without statistics
		quiet := crowd(t, db, ledger, rows)
		sent := databasetest.Listen(t, db)
		for what, one := range map[string]struct {
			filter      domain.Filter
			index, cond string
		}{
			"of all":                         {domain.Filter{}, "expr_created_at", "(chain * 0) = "},
			"of an actor":                    {domain.Filter{Actor: &quiet}, "actor_id_created_at", "actor_id = "},
			"of an action":                   {domain.Filter{Action: "search"}, "action_created_at", "action = "},
			"of all an actor did, one thing": {domain.Filter{Actor: &quiet, Action: "search"}, "actor_id_created_at", "actor_id = "},
		} {
			request := paging.Request{Limit: 50, Order: []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}}
			for _, page := range []string{"the first page", "the second page"} {
				found, err := ledger.List(t.Context(), one.filter, request)
				require.NoError(t, err)
				require.NotNil(t, found.Next, "a full page")
				request.After = found.Next
				statement := *sent
				t.Run(page+" "+what, func(t *testing.T) {
					if db.Engine() == database.SQLite {
						plan := statement.QueryPlan(t, db)
						require.Contains(t, plan, "SEARCH audit_entries USING INDEX audit_entries_"+one.index+"_idx", statement.SQL)
						require.NotContains(t, plan, "TEMP B-TREE")
						return
					}
					for _, mode := range databasetest.PlanModes {
						plan := statement.Explain(t, db, mode)
						for _, step := range plan.Steps() {
							// An empty partition is read whole, and few rows of one's own are sorted: neither costs anything.
							require.LessOrEqual(t, step.Removed, 10.0, "%s: %+v", mode, plan)
							if step.Index != "" {
								require.Contains(t, step.Cond, one.cond, "%s: %+v", mode, plan)
								require.Contains(t, step.Index, strings.TrimSuffix(one.index, "_created_at"), "%s: %+v", mode, plan)
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

// patientPlans is likewise for the entries about a patient, which are found through audit_subjects, in its order, and looked up by their places.
func patientPlans(t *testing.T, db *database.DB, ledger ports.Ledger, quiet uuid.UUID) {
	var sent []databasetest.Statement
	require.NoError(t, db.Read(t.Context()).Callback().Query().After("gorm:query").Register("test:all", func(tx *gorm.DB) {
		if strings.HasPrefix(tx.Statement.SQL.String(), "SELECT 1 ") { // part of one that follows
			return
		}
		sent = append(sent, databasetest.Statement{SQL: tx.Statement.SQL.String(), Values: tx.Statement.Vars})
	}))
	for what, filter := range map[string]domain.Filter{
		"one patient": {Patient: &quiet}, "one patient, by one actor": {Patient: &quiet, Actor: &quiet}, "in one action": {Patient: &quiet, Action: "search"},
	} {
		sent = nil
		request := paging.Request{Limit: 50, Order: []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}}
		page, err := ledger.List(t.Context(), filter, request)
		require.NoError(t, err)
		require.Len(t, page.Items, 50)
		require.Len(t, sent, 2)
		for i, statement := range sent {
			t.Run(fmt.Sprint(what, ", statement ", i+1), func(t *testing.T) {
				if db.Engine() == database.SQLite {
					plan := statement.QueryPlan(t, db)
					require.Contains(t, plan, []string{"SEARCH audit_subjects USING PRIMARY KEY (patient_id=?", "SEARCH audit_entries USING INDEX"}[i], statement.SQL)
					require.NotContains(t, plan, "SCAN audit")
					require.NotContains(t, plan, "TEMP B-TREE")
					return
				}
				for _, mode := range databasetest.PlanModes {
					plan := statement.Explain(t, db, mode)
					for _, step := range plan.Steps() {
						require.LessOrEqual(t, step.Removed, 10.0, "%s: %+v", mode, plan)
					}
					require.LessOrEqual(t, plan.Buffers(), 1100, "%s: %+v", mode, plan) // of 200 entries, five each
				}
			})
		}
	}
}

// crowd makes a trail of three months, and tells who did 200 things in the first of them and nothing later, to whom too.
func crowd(t *testing.T, db *database.DB, ledger ports.Ledger, rows int) (quiet uuid.UUID) {
	t.Helper()
	quiet = uuid.New()
	busy := []uuid.UUID{uuid.New(), uuid.New()}
	start := time.Date(2026, time.September, 1, 0, 0, 0, 0, time.UTC)
	for month := range 3 {
		require.NoError(t, ledger.Prepare(t.Context(), start.AddDate(0, month, 0)))
	}
	entries := some(rows)
	for i := range entries {
		entries[i].ActorID = busy[i%2]
		entries[i].PatientID = busy[i%2]
		if i < 200 {
			entries[i].ActorID, entries[i].PatientID, entries[i].Action = quiet, quiet, "search"
		}
	}
	for chain := range domain.Chains {
		require.NoError(t, ledger.Append(t.Context(), chain+1, func(head *domain.Head) (its []domain.Entry) {
			for i := chain; i < rows; i += domain.Chains {
				head.Seal(&entries[i], keys, start.Add(time.Duration(i)*90*24*time.Hour/time.Duration(rows)))
				its = append(its, entries[i])
			}
			return its
		}))
	}
	if db.Engine() == database.Postgres {
		require.NoError(t, db.Write(t.Context()).Exec("ANALYZE audit_entries, audit_subjects").Error)
	}
	return quiet
}
