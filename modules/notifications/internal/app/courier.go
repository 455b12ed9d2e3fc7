package app

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/clock"
)

const (
	batch = 10 // deliveries that a worker claims at once
	// A worker gives back what it has not begun when half of the lease is over. Then there is more time left than an
	// attempt takes.
	lease        = 2 * time.Minute
	pollInterval = 2 * time.Second // deliveries that another instance has added, or that became due

	tidyInterval   = time.Hour
	pruneBatch     = 500
	deadRetention  = 180 * 24 * time.Hour
	endedRetention = 30 * 24 * time.Hour
)

// Courier sends what is due while the program serves, on every channel.
type Courier struct {
	outbox   ports.Outbox
	webhooks *Webhooks
	clock    clock.Clock
	reporter ports.Reporter
	routes   []route
}

// route is how the deliveries of one channel are sent.
type route interface {
	channel() notifications.Channel

	// workers is the maximum number of deliveries that are sent at once.
	workers() int

	// newSender returns a sender for one worker. Errors: an invalid configuration.
	newSender() (sender, error)

	// claim claims deliveries for one worker. Errors: none of its own.
	claim(ctx context.Context, now time.Time) (claim, error)

	// pauses reports whether a claimed delivery is not to be attempted now.
	pauses(d domain.Delivery, now time.Time) bool
}

// claim is deliveries that one worker attempts one after the other.
type claim struct {
	deliveries []domain.Delivery
	more       bool   // there may be more for another worker
	release    func() // is called when the worker has finished, unless there are no deliveries
}

// sender makes attempts. It is used by one goroutine.
type sender interface {
	// attempt sends a delivery, unless it is no longer wanted, and applies the result to it. It returns what is to be
	// done when the result was stored, or nil.
	attempt(ctx context.Context, d *domain.Delivery, now time.Time) (afterwards func(context.Context))

	// Close ends a connection that is kept between attempts.
	Close()
}

// NewCourier returns a Courier.
func NewCourier(
	outbox ports.Outbox, composer *Composer, newMailer ports.NewMailer, webhooks *Webhooks, clk clock.Clock,
	reporter ports.Reporter, cfg notifications.Config,
) *Courier {
	settled := settler{clk, reporter}
	mails := &mailRoute{
		settler: settled, outbox: outbox, composer: composer, newMailer: newMailer, count: cfg.Workers,
		pause: new(pause), restraint: newRestraint(outbox, clk, cfg),
	}
	if mails.count == 0 {
		mails.count = mailWorkers
	}
	return &Courier{
		outbox: outbox, webhooks: webhooks, clock: clk, reporter: reporter,
		routes: []route{mails, newHookRoute(settled, outbox, webhooks)},
	}
}

// Run sends until ctx ends, and then returns when the messages that were being sent are settled. Errors: an invalid
// configuration.
func (c *Courier) Run(ctx context.Context) error {
	type worker struct {
		route
		sender
	}
	var workers []worker
	for _, r := range c.routes {
		for range r.workers() {
			s, err := r.newSender()
			if err != nil {
				return err
			}
			workers = append(workers, worker{r, s})
		}
	}
	var running sync.WaitGroup
	for _, w := range workers {
		running.Go(func() { c.work(ctx, w.route, w.sender) })
	}
	running.Go(func() { c.poll(ctx) })
	running.Go(func() { c.tidy(ctx) })
	running.Wait()
	return nil
}

// poll wakes a worker when something may be due.
func (c *Courier) poll(ctx context.Context) {
	for sleep(ctx, time.Duration((0.75+spread()/2)*float64(pollInterval))) {
		for _, r := range c.routes {
			due, err := c.outbox.Due(ctx, r.channel(), c.clock.Now())
			if err != nil {
				c.warn(ctx, "reading the outbox", err)
			}
			if due {
				c.wake(r)
			}
		}
	}
}

// spread returns a random number of 0 to 1, by which instances and messages do not act at the same time.
func spread() float64 { return rand.Float64() } //nolint:gosec // no secret

// sleep waits, and reports false if ctx has ended.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// wake wakes a worker of a route.
func (c *Courier) wake(r route) {
	select {
	case c.outbox.Added(r.channel()) <- struct{}{}:
	default:
	}
}

func (c *Courier) warn(ctx context.Context, work string, err error) {
	if ctx.Err() == nil {
		c.reporter.Failed(work, err)
	}
}

// work sends whenever it is woken.
func (c *Courier) work(ctx context.Context, r route, s sender) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.outbox.Added(r.channel()):
		}
		for c.round(ctx, r, s) {
		}
		s.Close()
	}
}

// Drain sends what is due now, for commands and tests, and returns when nothing is due any more, or pauses. Errors: an
// invalid configuration.
func (c *Courier) Drain(ctx context.Context) error {
	for _, r := range c.routes {
		s, err := r.newSender()
		if err != nil {
			return err
		}
		for c.round(ctx, r, s) {
		}
		s.Close()
	}
	return nil
}

// round claims and sends a batch, and reports whether there may be more.
func (c *Courier) round(ctx context.Context, r route, s sender) (more bool) {
	if ctx.Err() != nil {
		return false
	}
	now := c.clock.Now()
	claimed, err := r.claim(ctx, now)
	if err != nil {
		c.warn(ctx, "claiming deliveries", err)
		return false
	}
	if len(claimed.deliveries) == 0 {
		return false
	}
	defer claimed.release()
	if claimed.more {
		c.wake(r)
	}
	for i, d := range claimed.deliveries {
		if c.clock.Now().Sub(now) > lease/2 || ctx.Err() != nil || r.pauses(d, c.clock.Now()) {
			c.giveBack(ctx, claimed.deliveries[i:])
			break
		}
		c.deliver(ctx, s, d)
	}
	return true
}

// settleTime is how long after the end of the program the result of an attempt may still be stored.
const settleTime = 5 * time.Second

// giveBack ends the leases of deliveries that were not begun.
func (c *Courier) giveBack(ctx context.Context, unbegun []domain.Delivery) {
	for _, d := range unbegun {
		attempt := d.Attempts
		d.Postpone(c.clock.Now())
		c.settle(ctx, d, attempt)
	}
}

func (c *Courier) settle(ctx context.Context, d domain.Delivery, attempt int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if _, err := c.outbox.Settle(ctx, d, attempt); err != nil {
		c.reporter.Failed("storing the result of a delivery, which is sent again when its lease ends", err)
	}
}

// deliver attempts one delivery and stores the result at once.
func (c *Courier) deliver(ctx context.Context, s sender, d domain.Delivery) {
	attempt, now := d.Attempts, c.clock.Now()
	if now.After(d.GiveUpAt) {
		d.Expire(now)
		c.settle(ctx, d, attempt)
		return
	}
	lasting, end := outlast(ctx)
	defer end()
	afterwards := s.attempt(lasting, &d, now)
	c.settle(ctx, d, attempt)
	if afterwards != nil {
		afterwards(lasting)
	}
}

// grace is how long an attempt goes on after the end of the program has begun, so that its result is known.
const grace = 5 * time.Second

// outlast returns a context that ends a while after ctx.
func outlast(ctx context.Context) (lasting context.Context, end func()) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return lasting, func() { stop(); cancel() }
}

// settler applies results to deliveries.
type settler struct {
	clock    clock.Clock
	reporter ports.Reporter
}

// unread applies a failure of the store, after which nothing is known about the delivery.
func (s settler) unread(ctx context.Context, d *domain.Delivery, err error) {
	if ctx.Err() == nil {
		s.reporter.Failed("preparing a message", err)
	}
	d.Fail(domain.Failure{Scope: domain.ForNow, Code: "store"}, s.clock.Now(), spread())
}

// failureOf returns the failure of an attempt. An error of no known cause, such as a defect, gives up no message.
func failureOf(err error) *domain.Failure {
	if failure, known := errors.AsType[*domain.Failure](err); known {
		return failure
	}
	return &domain.Failure{Scope: domain.ForNow, Code: "unknown"}
}

// failed applies the failure of an attempt.
func (s settler) failed(d *domain.Delivery, failure domain.Failure, now time.Time) {
	d.Fail(failure, now, spread())
	if d.State == notifications.Dead {
		s.reporter.GaveUp(*d)
	}
}

// tidy deletes old deliveries, and keeps the endpoints in order, at the start and then once an hour.
func (c *Courier) tidy(ctx context.Context) {
	for {
		if err := c.webhooks.tidy(ctx); err != nil {
			c.warn(ctx, "keeping the endpoints of webhooks", err)
		}
		if !sleep(ctx, tidyInterval) {
			return
		}
		c.prune(ctx)
	}
}

func (c *Courier) prune(ctx context.Context) {
	for pruned := pruneBatch; pruned == pruneBatch && ctx.Err() == nil; {
		var err error
		now := c.clock.Now()
		pruned, err = c.outbox.Prune(ctx, now.Add(-deadRetention), now.Add(-endedRetention), pruneBatch)
		if err != nil {
			c.warn(ctx, "deleting old deliveries", err)
		}
	}
}
