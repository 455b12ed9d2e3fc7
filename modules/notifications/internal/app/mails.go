package app

import (
	"context"
	"time"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
)

const mailWorkers = 4 // by default

// mailRoute sends mails. All of them go to one server, so that its failure is one of the whole channel.
type mailRoute struct {
	settler
	outbox    ports.Outbox
	composer  *Composer
	newMailer ports.NewMailer
	count     int // of workers
	pause     *pause
	restraint restraint
}

func (*mailRoute) channel() notifications.Channel { return notifications.Mail }

func (r *mailRoute) workers() int { return r.count }

func (r *mailRoute) newSender() (sender, error) {
	mailer, err := r.newMailer()
	return &mailSender{r, mailer}, err
}

func (r *mailRoute) claim(ctx context.Context, now time.Time) (claim, error) {
	if r.pause.until(now) {
		return claim{}, nil
	}
	claimed, err := r.outbox.Claim(ctx, now, lease, batch)
	return claim{claimed, len(claimed) == batch, func() {}}, err
}

func (r *mailRoute) pauses(_ domain.Delivery, now time.Time) bool { return r.pause.until(now) }

type mailSender struct {
	*mailRoute
	ports.Mailer
}

func (s *mailSender) attempt(ctx context.Context, d *domain.Delivery, now time.Time) func(context.Context) {
	decided, err := s.composer.compose(ctx, *d, now)
	switch {
	case err != nil:
		s.unread(ctx, d, err)
	case decided.cancel != "":
		d.Cancel(decided.cancel, now)
	case !decided.due.IsZero():
		d.Postpone(decided.due)
	default:
		held, err := s.restraint.holds(ctx, d, decided.message.To, now)
		if err != nil {
			s.unread(ctx, d, err)
		} else if !held {
			s.send(ctx, d, decided.message)
		}
	}
	return nil
}

func (s *mailSender) send(ctx context.Context, d *domain.Delivery, message domain.Message) {
	err := s.Send(ctx, message)
	now := s.clock.Now()
	if err == nil {
		s.pause.succeeded()
		d.Succeed(now)
		return
	}
	failure, wait := s.pause.judge(*d, *failureOf(err), now)
	if wait > 0 && ctx.Err() == nil {
		s.reporter.Paused(d.Channel, failure.Code, wait)
	}
	s.failed(d, failure, now)
}
