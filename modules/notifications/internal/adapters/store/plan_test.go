package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/adapters/store"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

var now = time.Date(2026, time.November, 30, 9, 0, 0, 0, time.UTC)

// Of many deliveries, most of which were sent, every statement reads a few.
func TestPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		outbox, receivers := store.New(db), store.NewReceivers(db, clock.At(now))
		var endpoints []notifications.EndpointID
		for range 3 {
			url := "https://hooks.clinic.example"
			check := func(string) error { return nil }
			r, err := domain.NewReceiver(domain.ReceiverChanges{URL: &url}, check, uuid.New(), now)
			require.NoError(t, err)
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error { return receivers.Add(ctx, r) }))
			endpoints = append(endpoints, r.ID)
		}
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
				if i%10 == 0 { // webhooks, of which those to the first endpoint wait
					d = domain.NewWebhook(notifications.AppointmentBooked, endpoints[i/10%2], about, at)
				}
				switch {
				case i%20 == 0 && i%100 != 0:
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
			"queues":  func() error { _, err := receivers.Queues(ctx, now); return err },
			"claim of an endpoint": func() error {
				_, err := outbox.ClaimOf(ctx, endpoints[0], now, time.Minute, 10)
				return err
			},
			"claim of an endpoint without webhooks": func() error {
				_, err := outbox.ClaimOf(ctx, endpoints[2], now, time.Minute, 10)
				return err
			},
			"list of an endpoint": func() error {
				of := domain.Filter{Recipient: endpoints[0].UUID}
				_, err := outbox.List(ctx, of, paging.Request{Limit: 10, Order: order})
				return err
			},
			"cancel of an endpoint": func() error {
				return outbox.CancelTo(ctx, endpoints[1], domain.CodeDisabled, now)
			},
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
						scans, allowed := 0, 0
						if name == "queues" { // reads all endpoints, of which there are at most 50
							allowed = 1
						}
						for _, step := range plan.Steps() {
							if step.Type == "Seq Scan" {
								scans++
							}
						}
						require.Equal(t, allowed, scans, "%s: %+v", statement.SQL, plan)
						require.Less(t, plan.Buffers(), 300, "%s: %+v", statement.SQL, plan)
					}
				}
			})
		}
	})
}
