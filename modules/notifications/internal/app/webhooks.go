package app

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/admission"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/paging"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// webhookResource is the audit resource of endpoints, declared in openapi.yaml.
const webhookResource audit.Resource = "Webhook"

const (
	testsPerMinute = 20 // of a user, in this process
	// testReserve is the part of a request's time that is left after a test.
	testReserve = 300 * time.Millisecond
)

// Webhooks implements the use cases of the endpoints of webhooks, for administrators.
type Webhooks struct {
	receivers ports.Receivers
	outbox    ports.Outbox
	hooks     ports.Hooks
	users     identity.Contacts
	trail     audit.Recorder
	tx        tx.Runner
	clock     clock.Clock
	reporter  ports.Reporter

	tests   *admission.Budget
	testing sync.Map // the users whose test has not ended
}

// NewWebhooks returns Webhooks.
func NewWebhooks(
	receivers ports.Receivers, outbox ports.Outbox, hooks ports.Hooks, users identity.Contacts, trail audit.Recorder,
	runner tx.Runner, clk clock.Clock, reporter ports.Reporter,
) *Webhooks {
	tests := admission.NewBudget(admission.Allowance{Amount: testsPerMinute, Period: time.Minute}, clk.Now)
	return &Webhooks{
		receivers: receivers, outbox: outbox, hooks: hooks, users: users, trail: trail, tx: runner, clock: clk,
		reporter: reporter, tests: tests,
	}
}

// WithSecret is an endpoint with its signing secret, which is shown once.
type WithSecret struct {
	domain.Receiver
	Shown string
}

// Add creates an endpoint and returns it with its secret. Errors: errs.Invalid, notifications.ErrTooManyEndpoints.
func (s *Webhooks) Add(ctx context.Context, who auth.Principal, input domain.ReceiverChanges) (WithSecret, error) {
	r, err := domain.NewReceiver(input, s.hooks.CheckURL, who.UserID, s.clock.Now())
	if err != nil {
		return WithSecret{}, err
	}
	shown, sealed := s.hooks.NewSecret(r.ID)
	r.Secret = sealed
	return WithSecret{r, shown}, s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.receivers.Add(ctx, r); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, audit.NewEntry(audit.Create, webhookResource, r.ID.UUID))
	})
}

// List returns all endpoints, newest first. Errors: none.
func (s *Webhooks) List(ctx context.Context, who auth.Principal) ([]domain.Receiver, error) {
	all, err := s.receivers.List(ctx)
	if err != nil {
		return nil, err
	}
	ids := audit.IDs(all, func(r domain.Receiver) uuid.UUID { return r.ID.UUID })
	entries := audit.NewListEntries(audit.Entry{Action: audit.List, Resource: webhookResource}, ids)
	return all, s.trail.Record(ctx, who, entries...)
}

// Find returns one endpoint. Errors: notifications.ErrEndpointNotFound.
func (s *Webhooks) Find(
	ctx context.Context, who auth.Principal, id notifications.EndpointID,
) (domain.Receiver, error) {
	found, err := s.receivers.Find(ctx, id)
	if err != nil {
		return found, s.recordMissing(ctx, who, id, err)
	}
	return found, s.trail.Record(ctx, who, audit.NewEntry(audit.Read, webhookResource, id.UUID))
}

func (s *Webhooks) recordMissing(
	ctx context.Context, who auth.Principal, id notifications.EndpointID, err error,
) error {
	refusal := audit.NewRefusal(webhookResource, id.UUID, http.StatusNotFound)
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, notifications.ErrEndpointNotFound)
}

// change changes an endpoint whose version matches expected, and records the names of the changed fields.
func (s *Webhooks) change(
	ctx context.Context, who auth.Principal, id notifications.EndpointID, expected revision.Match,
	rule func(*domain.Receiver, time.Time) (fields []string, err error),
) (changed domain.Receiver, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		now := s.clock.Now()
		var fields []string
		var wasEnabled, hadFailed bool
		changed, err = s.receivers.Change(ctx, id, func(r *domain.Receiver) error {
			wasEnabled, hadFailed = r.Enabled, !r.FailingSince.IsZero()
			if err := expected.Check(r.Version); err != nil {
				return err
			}
			if fields, err = rule(r, now); err != nil {
				return err
			}
			s.reseal(r)
			return nil
		})
		if err != nil {
			return err
		}
		switch {
		case wasEnabled && !changed.Enabled:
			err = s.outbox.CancelTo(ctx, id, domain.CodeDisabled, now)
		case hadFailed && changed.FailingSince.IsZero():
			err = s.outbox.RetryTo(ctx, id, now)
		}
		if err != nil {
			return err
		}
		update := audit.NewEntry(audit.Update, webhookResource, id.UUID)
		update.Fields = fields
		return s.trail.Record(ctx, who, update)
	})
	return changed, s.recordMissing(ctx, who, id, err)
}

// reseal seals the secrets with the newest key, and reports whether that is a change.
func (s *Webhooks) reseal(r *domain.Receiver) bool {
	current, previous := s.hooks.Reseal(r.ID, r.Secret), s.hooks.Reseal(r.ID, r.PreviousSecret)
	differs := current != r.Secret || previous != r.PreviousSecret
	r.Secret, r.PreviousSecret = current, previous
	return differs
}

// Amend changes some details. An endpoint that is disabled has no pending webhooks. Errors: errs.Invalid,
// notifications.ErrEndpointNotFound, revision.ErrStale.
func (s *Webhooks) Amend(
	ctx context.Context, who auth.Principal, id notifications.EndpointID, expected revision.Match,
	changes domain.ReceiverChanges,
) (domain.Receiver, error) {
	return s.change(ctx, who, id, expected, func(r *domain.Receiver, now time.Time) ([]string, error) {
		before := r.ReceiverDetails
		err := r.Amend(changes, s.hooks.CheckURL, now)
		return before.Differing(r.ReceiverDetails), err
	})
}

// Rotate replaces the signing secret and returns the new one. Errors: notifications.ErrEndpointNotFound,
// revision.ErrStale.
func (s *Webhooks) Rotate(
	ctx context.Context, who auth.Principal, id notifications.EndpointID, expected revision.Match,
) (WithSecret, error) {
	var shown string
	changed, err := s.change(ctx, who, id, expected, func(r *domain.Receiver, now time.Time) ([]string, error) {
		var sealed domain.SealedSecret
		shown, sealed = s.hooks.NewSecret(r.ID)
		r.Rotate(sealed, now)
		return []string{"secret"}, nil
	})
	return WithSecret{changed, shown}, err
}

// Remove deletes an endpoint with its deliveries. Errors: notifications.ErrEndpointNotFound, revision.ErrStale.
func (s *Webhooks) Remove(
	ctx context.Context, who auth.Principal, id notifications.EndpointID, expected revision.Match,
) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		err := s.receivers.Remove(ctx, id, func(r domain.Receiver) error { return expected.Check(r.Version) })
		if err != nil {
			return err
		}
		if err := s.outbox.RemoveAllOf(ctx, []uuid.UUID{id.UUID}); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, audit.NewEntry(audit.Delete, webhookResource, id.UUID))
	})
	return s.recordMissing(ctx, who, id, err)
}

// Deliveries returns a page of the webhooks to an endpoint. Errors: notifications.ErrEndpointNotFound.
func (s *Webhooks) Deliveries(
	ctx context.Context, who auth.Principal, id notifications.EndpointID, page paging.Request,
) (found paging.Page[domain.Delivery], err error) {
	if _, err := s.receivers.Find(ctx, id); err != nil {
		return found, s.recordMissing(ctx, who, id, err)
	}
	if found, err = s.outbox.List(ctx, domain.Filter{Recipient: id.UUID}, page); err != nil {
		return found, err
	}
	ids := audit.IDs(found.Items, func(d domain.Delivery) uuid.UUID { return d.ID.UUID })
	entries := audit.NewListEntries(audit.Entry{Action: audit.List, Resource: resource}, ids)
	return found, s.trail.Record(ctx, who, entries...)
}

// TestResult is the result of a test.
type TestResult struct {
	Delivered bool
	Code      string // of the failure
	Took      time.Duration
}

// Test sends a webhook at once that tests an endpoint, also a disabled one, and returns the result. It changes nothing.
// It waits for as long as the request has time. A user has one test at a time. Errors:
// notifications.ErrEndpointNotFound, notifications.ErrTooManyTests.
func (s *Webhooks) Test(
	ctx context.Context, who auth.Principal, id notifications.EndpointID,
) (result TestResult, err error) {
	if _, runs := s.testing.LoadOrStore(who.UserID, true); runs {
		return result, tooManyTests(time.Second)
	}
	defer s.testing.Delete(who.UserID)
	if after := s.tests.Spend(admission.NewCaller(netip.Addr{}, who.UserID.String()), 1); after > 0 {
		return result, tooManyTests(after)
	}
	to, err := s.receivers.Find(ctx, id)
	if err != nil {
		return result, s.recordMissing(ctx, who, id, err)
	}
	entry := audit.NewEntry(audit.Update, webhookResource, id.UUID)
	entry.Fields = []string{"test"}
	record := func(ctx context.Context) error { return s.trail.Record(ctx, who, entry) }
	if err := s.tx.Do(ctx, record); err != nil { // first: nothing is sent that is not recorded
		return result, err
	}
	if deadline, limited := ctx.Deadline(); limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-testReserve))
		defer cancel()
	}
	began := s.clock.Now()
	hook := domain.Hook{
		ID: uuid.Must(uuid.NewV7()), Kind: notifications.WebhookTest, At: began, To: to,
		Subject: domain.Subject{ID: id.UUID, Version: int64(to.Version)},
	}
	err = s.hooks.Send(ctx, hook, began)
	result = TestResult{Delivered: err == nil, Took: s.clock.Now().Sub(began)}
	if err != nil {
		result.Code = failureOf(err).Code
	}
	return result, nil
}

func tooManyTests(after time.Duration) error {
	rejected := *notifications.ErrTooManyTests
	rejected.RetryAfter = after
	return &rejected
}

// whenSent returns what is to be done after a webhook was accepted: nothing, unless the endpoint had failed before.
func (s *Webhooks) whenSent(to domain.Receiver) func(context.Context) {
	if to.FailingSince.IsZero() {
		return nil
	}
	return func(ctx context.Context) {
		_, err := s.receivers.Change(ctx, to.ID, func(r *domain.Receiver) error {
			r.Succeeded(s.clock.Now())
			return nil
		})
		s.reportFailed(ctx, "storing that an endpoint works again", err)
	}
}

func (s *Webhooks) reportFailed(ctx context.Context, work string, err error) {
	if err != nil && ctx.Err() == nil {
		s.reporter.Failed(work, err)
	}
}

// whenFailed returns what is to be done after a webhook failed: nothing, unless it was the first failure, or the
// endpoint is to be disabled.
func (s *Webhooks) whenFailed(to domain.Receiver, failure domain.Failure) func(context.Context) {
	now := s.clock.Now()
	switch {
	case failure.Disables != domain.NoReason:
		return func(ctx context.Context) { s.disable(ctx, to, failure.Disables) }
	case to.HasFailedTooLong(now):
		return func(ctx context.Context) { s.disable(ctx, to, domain.Failing) }
	case !to.FailingSince.IsZero():
		return nil
	}
	return func(ctx context.Context) {
		first := false
		_, err := s.receivers.Change(ctx, to.ID, func(r *domain.Receiver) error {
			first = r.Failed(now)
			return nil
		})
		s.reportFailed(ctx, "storing that an endpoint fails", err)
		if first && err == nil {
			s.reporter.EndpointFailed(to.ID, failure.Code)
		}
	}
}

// disable disables an endpoint because of its failures, cancels its pending webhooks and informs the administrators. It
// does nothing if the endpoint was changed in a way that ends the reason.
func (s *Webhooks) disable(ctx context.Context, to domain.Receiver, reason domain.Reason) {
	disabled := false
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		now := s.clock.Now()
		_, err := s.receivers.Change(ctx, to.ID, func(r *domain.Receiver) error {
			if r.URL == to.URL && (reason != domain.Failing || r.HasFailedTooLong(now)) {
				disabled = r.Disable(reason, now)
			}
			return nil
		})
		if err != nil || !disabled {
			return err
		}
		if err := s.outbox.CancelTo(ctx, to.ID, domain.CodeDisabled, now); err != nil {
			return err
		}
		administrators, err := s.users.Administrators(ctx, informed)
		if err != nil {
			return err
		}
		mails := make([]domain.Delivery, len(administrators))
		for i, id := range administrators {
			about := domain.Subject{ID: to.ID.UUID}
			mails[i] = domain.NewMail(notifications.WebhookDisabled, user(id.UUID), about, now)
		}
		if err := s.outbox.Add(ctx, mails...); err != nil {
			return err
		}
		update := audit.NewEntry(audit.Update, webhookResource, to.ID.UUID)
		update.Fields = []string{"disabled_reason", "enabled"}
		return s.trail.Record(ctx, auth.Principal{}, update)
	})
	s.reportFailed(ctx, "disabling an endpoint", err)
	if disabled && err == nil {
		s.reporter.EndpointDisabled(to.ID, reason)
	}
}

// tidy seals all secrets with the newest key of the operator, deletes those that were replaced, and ends webhooks to
// endpoints that were deleted. Errors: none.
func (s *Webhooks) tidy(ctx context.Context) error {
	now := s.clock.Now()
	if err := s.receivers.CancelOrphans(ctx, domain.CodeDisabled, now); err != nil {
		return err
	}
	all, err := s.receivers.List(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		if !s.reseal(&r) && !r.ForgetPrevious(now) {
			continue
		}
		_, err := s.receivers.Change(ctx, r.ID, func(r *domain.Receiver) error {
			forgotten := r.ForgetPrevious(now)
			if s.reseal(r) && !forgotten {
				r.Touch(now)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
