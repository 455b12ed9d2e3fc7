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
	defaultWorkers = 4
	batch          = 10 // deliveries that a worker claims at once
	// A worker gives back what it has not begun when half of the lease is over. Then there is more time left than an
	// attempt takes.
	lease        = 2 * time.Minute
	pollInterval = 2 * time.Second // deliveries that another instance has added, or that became due

	pruneInterval  = time.Hour
	pruneBatch     = 500
	deadRetention  = 180 * 24 * time.Hour
	endedRetention = 30 * 24 * time.Hour
)

// Courier sends what is due on the channel of mail while the program serves.
type Courier struct {
	outbox    ports.Outbox
	composer  *Composer
	newMailer ports.NewMailer
	clock     clock.Clock
	reporter  ports.Reporter
	workers   int
	pause     *pause
}

// NewCourier returns a Courier.
func NewCourier(
	outbox ports.Outbox, composer *Composer, newMailer ports.NewMailer, clk clock.Clock, reporter ports.Reporter,
	cfg notifications.Config,
) *Courier {
	workers := cfg.Workers
	if workers == 0 {
		workers = defaultWorkers
	}
	return &Courier{
		outbox: outbox, composer: composer, newMailer: newMailer, clock: clk, reporter: reporter, workers: workers,
		pause: new(pause),
	}
}

// Run sends until ctx ends, and then returns when the messages that were being sent are settled. Errors: an invalid
// configuration.
func (c *Courier) Run(ctx context.Context) error {
	mailers := make([]ports.Mailer, c.workers)
	for i := range mailers {
		mailer, err := c.newMailer()
		if err != nil {
			return err
		}
		mailers[i] = mailer
	}
	var running sync.WaitGroup
	for _, mailer := range mailers {
		running.Go(func() { c.work(ctx, mailer) })
	}
	running.Go(func() { c.poll(ctx) })
	running.Go(func() { c.prune(ctx) })
	running.Wait()
	return nil
}

// poll wakes a worker when something may be due.
func (c *Courier) poll(ctx context.Context) {
	for sleep(ctx, time.Duration((0.75+spread()/2)*float64(pollInterval))) {
		due, err := c.outbox.Due(ctx, notifications.Mail, c.clock.Now())
		if err != nil {
			c.warn(ctx, "reading the outbox", err)
		}
		if due {
			c.wake()
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

func (c *Courier) wake() {
	select {
	case c.outbox.Added() <- struct{}{}:
	default:
	}
}

func (c *Courier) warn(ctx context.Context, work string, err error) {
	if ctx.Err() == nil {
		c.reporter.Failed(work, err)
	}
}

// work sends whenever it is woken.
func (c *Courier) work(ctx context.Context, mailer ports.Mailer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.outbox.Added():
		}
		for c.round(ctx, mailer) {
		}
		mailer.Close()
	}
}

// Drain sends what is due now, for commands and tests, and returns when nothing is due any more or the channel pauses.
// Errors: an invalid configuration.
func (c *Courier) Drain(ctx context.Context) error {
	mailer, err := c.newMailer()
	if err != nil {
		return err
	}
	defer mailer.Close()
	for c.round(ctx, mailer) {
	}
	return nil
}

// round claims and sends a batch, and reports whether there may be more.
func (c *Courier) round(ctx context.Context, mailer ports.Mailer) (more bool) {
	now := c.clock.Now()
	if ctx.Err() != nil || c.pause.until(now) {
		return false
	}
	claimed, err := c.outbox.Claim(ctx, notifications.Mail, now, lease, batch)
	if err != nil {
		c.warn(ctx, "claiming deliveries", err)
		return false
	}
	if len(claimed) == batch {
		c.wake() // another worker takes the next ones
	}
	for i, d := range claimed {
		tired := c.clock.Now().Sub(now) > lease/2
		if tired || ctx.Err() != nil || c.pause.until(c.clock.Now()) {
			c.giveBack(ctx, claimed[i:])
			return tired
		}
		c.deliver(ctx, mailer, d)
	}
	return len(claimed) > 0
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

// deliver sends one message, unless it is no longer wanted, and stores the result at once.
func (c *Courier) deliver(ctx context.Context, mailer ports.Mailer, d domain.Delivery) {
	attempt, now := d.Attempts, c.clock.Now()
	if now.After(d.GiveUpAt) {
		d.Expire(now)
		c.settle(ctx, d, attempt)
		return
	}
	decided, err := c.composer.compose(ctx, d, now)
	switch {
	case err != nil: // the store: nothing is known about the message
		c.warn(ctx, "composing a message", err)
		d.Fail(domain.Failure{Scope: domain.ForNow, Code: "store"}, now, spread())
	case decided.cancel != "":
		d.Cancel(decided.cancel, now)
	case !decided.due.IsZero():
		d.Postpone(decided.due)
	default:
		c.send(ctx, mailer, &d, decided.message)
	}
	c.settle(ctx, d, attempt)
}

// send sends a message and applies the result to its delivery.
func (c *Courier) send(ctx context.Context, mailer ports.Mailer, d *domain.Delivery, message domain.Message) {
	err := mailer.Send(ctx, message)
	now := c.clock.Now()
	if err == nil {
		c.pause.succeeded()
		d.Succeed(now)
		return
	}
	failure, known := errors.AsType[*domain.Failure](err)
	if !known { // of no known cause, such as a defect: it must not give up messages
		failure = &domain.Failure{Scope: domain.ForNow, Code: "unknown"}
	}
	if wait := c.pause.failed(failure, now); wait > 0 && ctx.Err() == nil {
		c.reporter.Paused(d.Channel, failure.Code, wait)
	}
	d.Fail(*failure, now, spread())
	if d.State == notifications.Dead {
		c.reporter.GaveUp(*d)
	}
}

// prune deletes old deliveries, once an hour.
func (c *Courier) prune(ctx context.Context) {
	for sleep(ctx, pruneInterval) {
		for pruned := pruneBatch; pruned == pruneBatch && ctx.Err() == nil; {
			var err error
			now := c.clock.Now()
			pruned, err = c.outbox.Prune(ctx, now.Add(-deadRetention), now.Add(-endedRetention), pruneBatch)
			if err != nil {
				c.warn(ctx, "deleting old deliveries", err)
			}
		}
	}
}
