package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
)

const (
	hookWorkers = 16
	perEndpoint = 2               // workers that send to one endpoint at once
	sharedBelow = hookWorkers / 2 // busy workers, from which each endpoint has one at most
	informed    = 20              // administrators who get a mail about a disabled endpoint
)

// hookRoute sends webhooks. Each endpoint has a queue of its own: one that is slow or fails delays no other.
type hookRoute struct {
	settler
	outbox   ports.Outbox
	webhooks *Webhooks
	claiming sync.Mutex // a claim sees the workers of all earlier ones
	lanes    lanes
}

func newHookRoute(settled settler, outbox ports.Outbox, webhooks *Webhooks) *hookRoute {
	return &hookRoute{
		settler: settled, outbox: outbox, webhooks: webhooks,
		lanes: lanes{all: map[notifications.EndpointID]*lane{}},
	}
}

func (*hookRoute) channel() notifications.Channel { return notifications.Webhook }

func (*hookRoute) workers() int { return hookWorkers }

func (r *hookRoute) newSender() (sender, error) { return r, nil }

// Close does nothing: each webhook has a connection of its own.
func (*hookRoute) Close() {}

// claim claims webhooks of the endpoint that waits the longest, of those that may have another worker.
func (r *hookRoute) claim(ctx context.Context, now time.Time) (claim, error) {
	r.claiming.Lock()
	defer r.claiming.Unlock()
	queues, err := r.webhooks.receivers.Queues(ctx, now)
	if err != nil {
		return claim{}, err
	}
	for i, queue := range queues {
		if !r.lanes.acquire(queue, now) {
			continue
		}
		release := func() { r.lanes.release(queue.Endpoint) }
		claimed, err := r.outbox.ClaimOf(ctx, queue.Endpoint, now, lease, batch)
		if len(claimed) > 0 && err == nil {
			return claim{claimed, len(claimed) == batch || i < len(queues)-1, release}, nil
		}
		release()
		if err != nil {
			return claim{}, err
		}
	}
	return claim{}, nil
}

func (r *hookRoute) pauses(d domain.Delivery, now time.Time) bool {
	return r.lanes.of(endpointOf(d)).pause.until(now)
}

func endpointOf(d domain.Delivery) notifications.EndpointID {
	return notifications.EndpointID{UUID: d.Recipient.ID}
}

func (r *hookRoute) attempt(ctx context.Context, d *domain.Delivery, now time.Time) func(context.Context) {
	to, err := r.webhooks.receivers.Find(ctx, endpointOf(*d))
	switch {
	case errors.Is(err, notifications.ErrEndpointNotFound), err == nil && !to.Enabled:
		d.Cancel(domain.CodeDisabled, now)
		return nil
	case err != nil:
		r.unread(ctx, d, err)
		return nil
	}
	hook := domain.Hook{ID: d.ID.UUID, Kind: d.Kind, At: d.CreatedAt, Subject: d.Subject, To: to}
	err = r.webhooks.hooks.Send(ctx, hook, now)
	now = r.clock.Now()
	switch {
	case err == nil:
		r.lanes.of(to.ID).succeeded()
		d.Succeed(now)
		return r.webhooks.whenSent(to)
	case ctx.Err() != nil: // the program ends, which is no failure of the endpoint
		d.Postpone(now)
		return nil
	}
	failure := failureOf(err)
	r.lanes.of(to.ID).failed(now, failure.RetryAfter)
	r.failed(d, *failure, now)
	return r.webhooks.whenFailed(to, *failure)
}

// lanes has the endpoints to which this process sends, or to which it has failed to.
type lanes struct {
	mu   sync.Mutex
	busy int // workers
	all  map[notifications.EndpointID]*lane
}

type lane struct {
	pause   pause
	mu      sync.Mutex
	failing bool // the last attempt failed
	workers int  // guarded by lanes
}

func (l *lane) succeeded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing = false
	l.pause.succeeded()
}

func (l *lane) failed(now time.Time, atLeast time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing = true
	l.pause.fail(now, atLeast)
}

func (l *lane) hasFailed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failing
}

func (s *lanes) of(id notifications.EndpointID) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(id)
}

func (s *lanes) find(id notifications.EndpointID) *lane {
	if s.all[id] == nil {
		s.all[id] = new(lane)
	}
	return s.all[id]
}

// acquire takes a worker for an endpoint, and reports false if it may have none: it pauses, has its share, or its last
// attempt failed and another one is being made.
func (s *lanes) acquire(queue ports.Queue, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.find(queue.Endpoint)
	if l.workers == 0 && !queue.Failing { // it was enabled again, or another process has succeeded
		l.succeeded()
	}
	failing := queue.Failing || l.hasFailed()
	if l.pause.until(now) || l.workers == perEndpoint || l.workers > 0 && (failing || s.busy >= sharedBelow) {
		return false
	}
	l.workers++
	s.busy++
	return true
}

func (s *lanes) release(id notifications.EndpointID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.find(id)
	l.workers--
	s.busy--
	if l.workers == 0 && !l.hasFailed() {
		delete(s.all, id)
	}
}
