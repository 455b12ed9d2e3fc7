// Package app implements the use cases of the notifications module: what is stored when something happens, what is sent
// of it and when, and the settings of recipients and administrators.
package app

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
	"healthcare/platform/tx"
)

// resource is the audit resource of deliveries, declared in openapi.yaml.
const resource audit.Resource = "Delivery"

// MaxResent is the maximum number of deliveries that are sent again at once.
const MaxResent = 1000

// Administration implements the use cases of administrators.
type Administration struct {
	outbox ports.Outbox
	trail  audit.Recorder
	tx     tx.Runner
	clock  clock.Clock
}

// NewAdministration returns Administration.
func NewAdministration(outbox ports.Outbox, trail audit.Recorder, runner tx.Runner, clk clock.Clock) *Administration {
	return &Administration{outbox, trail, runner, clk}
}

// List returns a page of the deliveries that match the filter. Errors: none.
func (s *Administration) List(
	ctx context.Context, who auth.Principal, filter domain.Filter, page paging.Request,
) (paging.Page[domain.Delivery], error) {
	found, err := s.outbox.List(ctx, filter, page)
	if err != nil {
		return found, err
	}
	ids := make([]uuid.UUID, len(found.Items))
	for i, d := range found.Items {
		ids[i] = d.ID.UUID
	}
	entries := audit.NewListEntries(audit.Entry{Action: audit.List, Resource: resource}, ids)
	return found, s.trail.Record(ctx, who, entries...)
}

// Find returns one delivery. Errors: notifications.ErrNotFound.
func (s *Administration) Find(ctx context.Context, who auth.Principal, id notifications.ID) (domain.Delivery, error) {
	found, err := s.outbox.Find(ctx, id)
	if err != nil {
		return found, s.recordMissing(ctx, who, id, err)
	}
	return found, s.trail.Record(ctx, who, audit.NewEntry(audit.Read, resource, id.UUID))
}

func (s *Administration) recordMissing(ctx context.Context, who auth.Principal, id notifications.ID, err error) error {
	refusal := audit.NewRefusal(resource, id.UUID, http.StatusNotFound)
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, notifications.ErrNotFound)
}

// Resend makes a delivery due again. Errors: notifications.ErrNotFound, notifications.ErrNotResendable.
func (s *Administration) Resend(ctx context.Context, who auth.Principal, id notifications.ID) (domain.Delivery, error) {
	return s.change(ctx, who, id, func(d *domain.Delivery) error { return d.Resend(s.clock.Now()) })
}

// Withdraw ends a pending delivery. Errors: notifications.ErrNotFound, notifications.ErrNotPending.
func (s *Administration) Withdraw(
	ctx context.Context, who auth.Principal, id notifications.ID,
) (domain.Delivery, error) {
	return s.change(ctx, who, id, func(d *domain.Delivery) error { return d.Withdraw(s.clock.Now()) })
}

func (s *Administration) change(
	ctx context.Context, who auth.Principal, id notifications.ID, rule func(*domain.Delivery) error,
) (changed domain.Delivery, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if changed, err = s.outbox.Change(ctx, id, rule); err != nil {
			return err
		}
		entry := audit.NewEntry(audit.Update, resource, id.UUID)
		entry.Fields = []string{"state"}
		return s.trail.Record(ctx, who, entry)
	})
	return changed, s.recordMissing(ctx, who, id, err)
}

// ResendDead makes the deliveries of a channel due again that were given up at since or later, at most MaxResent of
// them, and returns their number. Errors: errs.Invalid.
func (s *Administration) ResendDead(
	ctx context.Context, who auth.Principal, which domain.Resending,
) (resent int, err error) {
	since, wrong := which.Read()
	if err := errs.Fields(wrong); err != nil {
		return 0, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		ids, err := s.outbox.ResendDead(ctx, which.Channel, since, s.clock.Now(), MaxResent)
		if err != nil {
			return err
		}
		resent = len(ids)
		entry := audit.Entry{Action: audit.Update, Resource: resource}
		entry.Fields = []string{"state"}
		return s.trail.Record(ctx, who, audit.NewListEntries(entry, ids)...)
	})
	return resent, err
}
