package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/adapters/store"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

var now = time.Date(2026, time.November, 30, 9, 0, 0, 0, time.UTC)

// Of many deliveries, most of which were sent, every statement reads a few.
func TestPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		outbox := store.New(db)
		const rows = 10_000
		about := domain.Subject{ID: uuid.New()}
		var last domain.Delivery
		for begin := 0; begin < rows; begin += 500 {
			all := make([]domain.Delivery, 500)
			for i := range all {
				at := now.Add(time.Duration(begin+i-rows) * time.Minute)
				about.ID = uuid.New()
				to := domain.Recipient{Kind: domain.Patient, ID: uuid.New()}
				d := domain.NewMail(notifications.AppointmentBooked, to, about, at)
				switch {
				case i%100 == 0:
					d.Fail(domain.Failure{Scope: domain.Permanently, Code: "550"}, at, 0)
				case i%100 == 1: // due in the future
					d.DueAt = now.Add(time.Hour)
				case i%100 != 2:
					d.Succeed(at)
				}
				all[i], last = d, d
			}
			require.NoError(t, outbox.Add(t.Context(), all...))
		}
		if db.Engine() == database.Postgres {
			require.NoError(t, db.Write(t.Context()).Exec("ANALYZE deliveries").Error)
		}
		sent := databasetest.Statements(t, db)
		order := []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}
		ctx := t.Context()
		for name, use := range map[string]func() error{
			"due": func() error { _, err := outbox.Due(ctx, notifications.Mail, now); return err },
			"claim": func() error {
				_, err := outbox.Claim(ctx, now, time.Minute, 10)
				return err
			},
			"settle":  func() error { _, err := outbox.Settle(ctx, last, 1); return err },
			"backlog": func() error { _, _, err := outbox.Backlog(ctx, notifications.Mail, now, 10); return err },
			"cancel": func() error {
				return outbox.CancelAbout(ctx, notifications.Mail, last.Subject.ID, "outdated", now)
			},
			"remove": func() error { return outbox.RemoveAllOf(ctx, []uuid.UUID{last.Recipient.ID, uuid.New()}) },
			"list": func() error {
				_, err := outbox.List(ctx, domain.Filter{}, paging.Request{Limit: 50, Order: order})
				return err
			},
			"list of dead ones": func() error {
				dead := domain.Filter{State: notifications.Dead}
				_, err := outbox.List(ctx, dead, paging.Request{Limit: 10, Order: order})
				return err
			},
			"prune": func() error {
				_, err := outbox.Prune(ctx, now.Add(-rows*time.Minute), now.Add(-(rows-20)*time.Minute), 10)
				return err
			},
		} {
			t.Run(name, func(t *testing.T) {
				*sent = nil
				require.NoError(t, use())
				require.NotEmpty(t, *sent)
				for _, statement := range *sent {
					if db.Engine() == database.SQLite {
						require.NotContains(t, statement.QueryPlan(t, db), "SCAN deliveries]", statement.SQL)
						continue
					}
					for _, mode := range databasetest.PlanModes {
						plan := statement.Explain(t, db, mode)
						for _, step := range plan.Steps() {
							require.NotEqual(t, "Seq Scan", step.Type, "%s: %+v", statement.SQL, plan)
						}
						require.Less(t, plan.Buffers(), 300, "%s: %+v", statement.SQL, plan)
					}
				}
			})
		}
	})
}
