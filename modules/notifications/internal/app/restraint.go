package app

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/admission"
	"healthcare/platform/clock"
)

// repeatWindow is how long after a message another one with the same content is not sent, such as those about the
// appointments of a series.
const repeatWindow = 5 * time.Minute

// restraint keeps messages about appointments from flooding a mailbox: staff enter the addresses of patients, and book
// as often as they want.
type restraint struct {
	outbox     ports.Outbox
	perAddress *admission.Budget // in this process
	showsTime  bool              // messages of a kind differ
}

func newRestraint(outbox ports.Outbox, clk clock.Clock, cfg notifications.Config) restraint {
	hourly := admission.Allowance{Amount: cfg.MailsPerHour, Period: time.Hour}
	return restraint{outbox, admission.NewBudget(hourly, clk.Now), cfg.Detail == notifications.TimeDetail}
}

// holds postpones or cancels a delivery that is too much for its mailbox, and reports whether it did. Errors: those of
// the store.
func (r restraint) holds(ctx context.Context, d *domain.Delivery, address string, now time.Time) (bool, error) {
	if !domain.Limited(d.Kind) {
		return false, nil
	}
	if !r.showsTime {
		last, err := r.outbox.LastSent(ctx, d.Recipient.ID, domain.LimitedKinds(), now.Add(-repeatWindow))
		if err != nil {
			return false, err
		}
		if last == d.Kind {
			d.Cancel(domain.CodeRepeated, now)
			return true, nil
		}
	}
	mailbox := admission.NewCaller(netip.Addr{}, strings.ToLower(address))
	if after := r.perAddress.Spend(mailbox, 1); after > 0 {
		d.Postpone(now.Add(after))
		return true, nil
	}
	return false, nil
}
