// Package domain has the rules of notifications: which messages exist, when they are due, and when they are given up.
package domain

import (
	"time"

	"github.com/google/uuid"

	"healthcare/modules/notifications"
	"healthcare/platform/recordid"
)

// RecipientKind is what kind of record a recipient is.
type RecipientKind string

// The kinds of recipients.
const (
	User     RecipientKind = "user"
	Patient  RecipientKind = "patient"
	Keeper   RecipientKind = "keeper"   // the user who keeps the patient with the id
	Endpoint RecipientKind = "endpoint" // of webhooks
	Nobody   RecipientKind = "nobody"   // an address without an account, for whose request the same row is written
)

// Recipient is to whom a message is sent. Its address is found when it is sent.
type Recipient struct {
	Kind RecipientKind
	ID   uuid.UUID
}

// Subject is the record that a message is about, as it was.
type Subject struct {
	ID      uuid.UUID
	Version int64
}

// Delivery is a message that is sent, or was.
type Delivery struct {
	ID        notifications.ID
	Channel   notifications.Channel
	Kind      notifications.Kind
	Recipient Recipient
	Subject   Subject
	State     notifications.State
	DueAt     time.Time // the next attempt, or the end of the lease of the current one; zero unless pending
	GiveUpAt  time.Time // no attempt begins later
	Attempts  int
	LastError string // a code
	CreatedAt time.Time
	EndedAt   time.Time // zero while pending
}

// NewMail returns a message that is due at once.
func NewMail(kind notifications.Kind, to Recipient, about Subject, now time.Time) Delivery {
	return newDelivery(notifications.Mail, kind, to, about, now)
}

// NewWebhook returns a webhook that is due at once.
func NewWebhook(kind notifications.Kind, to notifications.EndpointID, about Subject, now time.Time) Delivery {
	return newDelivery(notifications.Webhook, kind, Recipient{Kind: Endpoint, ID: to.UUID}, about, now)
}

func newDelivery(
	channel notifications.Channel, kind notifications.Kind, to Recipient, about Subject, now time.Time,
) Delivery {
	return Delivery{
		ID: recordid.New[notifications.ID](), Channel: channel, Kind: kind, Recipient: to, Subject: about,
		State: notifications.Pending, DueAt: now, GiveUpAt: EndOf(channel, now), CreatedAt: now,
	}
}

// Until returns the message with an earlier end, such as that of a token. If the end has passed, the message is due
// never.
func (d Delivery) Until(end time.Time) Delivery {
	d.GiveUpAt = end
	return d
}

// ToNobody returns the message as one that ended without a recipient.
func (d Delivery) ToNobody() Delivery {
	d.Recipient.Kind = Nobody
	d.end(notifications.Cancelled, CodeNoAddress, d.CreatedAt)
	return d
}

// Codes of deliveries that ended without an attempt.
const (
	CodeNoAddress = "no address"
	CodeDeclined  = "declined"
	CodeOutdated  = "outdated" // the record has changed or was removed
	CodeExpired   = "expired"
	CodeRepeated  = "repeated" // the recipient has just got a message with the same content
	CodeDisabled  = "disabled" // the endpoint
)

func (d *Delivery) end(state notifications.State, code string, now time.Time) {
	d.State, d.LastError, d.DueAt, d.EndedAt = state, code, time.Time{}, now
}

// Succeed ends a delivery that the server has accepted.
func (d *Delivery) Succeed(now time.Time) { d.end(notifications.Sent, "", now) }

// Cancel ends a delivery that is no longer wanted, for the reason of a code.
func (d *Delivery) Cancel(code string, now time.Time) { d.end(notifications.Cancelled, code, now) }

// Scope is what a failure concerns.
type Scope uint8

// The scopes.
const (
	OfChannel   Scope = iota // other messages would fail as well: the attempt does not count
	ForNow                   // this message, for now
	Permanently              // this message, for good
)

// Failure is an attempt that failed. It contains nothing of the message.
type Failure struct {
	Scope      Scope
	Code       string
	RetryAfter time.Duration // what the receiver asks for; 0: nothing
	Doubtful   bool          // it may concern other messages as well
	Disables   Reason        // why the endpoint is to be disabled; NoReason: it is not
}

func (f *Failure) Error() string { return "notifications: " + f.Code }

const (
	firstRetry = 30 * time.Second
	maxRetry   = 6 * time.Hour
	retryBase  = 4
)

// backoff returns the time until the attempt after the nth, times a factor of 0.8 to 1.2 for a random number of 0 to 1.
func backoff(n int, random float64) time.Duration {
	wait := firstRetry
	for ; n > 1 && wait < maxRetry; n-- {
		wait *= retryBase
	}
	return time.Duration(float64(min(wait, maxRetry)) * (0.8 + 0.4*random)) //nolint:mnd // as documented
}

// Fail stores the failure of an attempt. The delivery is due again, or dead. Random is a number of 0 to 1.
func (d *Delivery) Fail(failure Failure, now time.Time, random float64) {
	d.LastError = failure.Code
	switch failure.Scope {
	case OfChannel:
		d.Attempts--
		d.DueAt = now
		return
	case Permanently:
		d.end(notifications.Dead, failure.Code, now)
		return
	case ForNow:
	}
	d.DueAt = now.Add(max(backoff(d.Attempts, random), failure.RetryAfter))
	if d.DueAt.After(d.GiveUpAt) {
		d.end(notifications.Dead, failure.Code, now)
	}
}

// Expire ends a delivery whose end has passed before it was accepted: it is dead if an attempt failed, and if it is a
// webhook, which may have waited for others of its endpoint and which an administrator can send again.
func (d *Delivery) Expire(now time.Time) {
	switch {
	case d.LastError != "":
		d.end(notifications.Dead, d.LastError, now)
	case d.Channel == notifications.Webhook:
		d.end(notifications.Dead, CodeExpired, now)
	default:
		d.Cancel(CodeExpired, now)
	}
}

// Postpone makes a delivery due later, without an attempt.
func (d *Delivery) Postpone(due time.Time) {
	d.Attempts--
	d.DueAt = due
}

// Resend makes a delivery that was sent or given up due again, with the same id. An end of its own, such as that of a
// token, stays. Errors: notifications.ErrNotResendable.
func (d *Delivery) Resend(now time.Time) error {
	if d.State != notifications.Sent && d.State != notifications.Dead {
		return notifications.ErrNotResendable
	}
	switch {
	case !rules[d.Kind].hasEnd:
		d.GiveUpAt = EndOf(d.Channel, now)
	case now.After(d.GiveUpAt):
		return notifications.ErrNotResendable
	}
	d.State, d.DueAt, d.EndedAt, d.Attempts, d.LastError = notifications.Pending, now, time.Time{}, 0, ""
	return nil
}

// Withdraw ends a pending delivery by a decision of an administrator. Errors: notifications.ErrNotPending.
func (d *Delivery) Withdraw(now time.Time) error {
	if d.State != notifications.Pending {
		return notifications.ErrNotPending
	}
	d.Cancel("", now)
	return nil
}
