// Package ports has the interfaces that the use cases of the notifications module need.
package ports

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/platform/paging"
)

// Outbox stores deliveries.
type Outbox interface {
	// Add stores new deliveries in the transaction of ctx, in one statement. Errors: none.
	Add(ctx context.Context, all ...domain.Delivery) error

	// CancelAbout ends the pending deliveries of a channel about a record, with a code. Errors: none.
	CancelAbout(ctx context.Context, channel notifications.Channel, subject uuid.UUID, code string, now time.Time) error

	// CancelTo ends the pending webhooks to an endpoint, with a code. Errors: none.
	CancelTo(ctx context.Context, endpoint notifications.EndpointID, code string, now time.Time) error

	// RemoveAllOf deletes the deliveries to these recipients and about these records. Errors: none.
	RemoveAllOf(ctx context.Context, ids []uuid.UUID) error

	// Due reports whether a delivery of the channel is due. Errors: none.
	Due(ctx context.Context, channel notifications.Channel, now time.Time) (bool, error)

	// Claim returns up to limit mails that are due, which no other worker has until the lease ends. Those about
	// accounts are before those about patients, of which a user can cause many, and of each the longest due is first.
	// Each claim is an attempt. Errors: none.
	Claim(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]domain.Delivery, error)

	// ClaimOf is Claim for webhooks to an endpoint. Errors: none.
	ClaimOf(
		ctx context.Context, to notifications.EndpointID, now time.Time, lease time.Duration, limit int,
	) ([]domain.Delivery, error)

	// Settle stores the state of a delivery after the attempt of this number. It reports false if the delivery was
	// claimed again, withdrawn or removed since. Errors: none.
	Settle(ctx context.Context, d domain.Delivery, attempt int) (bool, error)

	// LastSent returns the kind of the last delivery of these kinds that was sent to a recipient after a time, or "".
	// Errors: none.
	LastSent(
		ctx context.Context, recipient uuid.UUID, kinds []notifications.Kind, after time.Time,
	) (notifications.Kind, error)

	// RetryTo makes the pending deliveries of an endpoint due that have failed before. Errors: none.
	RetryTo(ctx context.Context, endpoint notifications.EndpointID, now time.Time) error

	// Find returns a delivery. Errors: notifications.ErrNotFound.
	Find(ctx context.Context, id notifications.ID) (domain.Delivery, error)

	// List returns a page of the deliveries that match the filter. Errors: none.
	List(ctx context.Context, filter domain.Filter, page paging.Request) (paging.Page[domain.Delivery], error)

	// Change locks a delivery, applies rule to it and stores the result. Errors: notifications.ErrNotFound, the errors
	// of rule.
	Change(
		ctx context.Context, id notifications.ID, rule func(*domain.Delivery) error,
	) (domain.Delivery, error)

	// ResendDead makes up to limit deliveries of a channel due again that were given up at since or later, oldest
	// first, and returns their ids. It omits those that have an end of their own. Errors: none.
	ResendDead(
		ctx context.Context, channel notifications.Channel, since, now time.Time, limit int,
	) ([]uuid.UUID, error)

	// Prune deletes up to limit deliveries that were given up before the first time, or ended otherwise before the
	// second, and returns their number. Errors: none.
	Prune(ctx context.Context, deadBefore, endedBefore time.Time, limit int) (int, error)

	// Backlog returns the number of deliveries of each channel that are due at now, at most limit, and since when the
	// first of them is. Errors: none.
	Backlog(
		ctx context.Context, channel notifications.Channel, now time.Time, limit int,
	) (due int, since time.Time, err error)

	// Added signals that deliveries of the channel were added in this process, or may be due.
	Added(channel notifications.Channel) chan struct{}
}

// Preferences stores how recipients want to be notified.
type Preferences interface {
	// Find returns the preferences of a recipient, the zero ones if none were chosen. Errors: none.
	Find(ctx context.Context, recipient uuid.UUID) (domain.Preferences, error)

	// Change locks the preferences of a recipient, applies rule to them and stores the result. Errors: those of rule.
	Change(
		ctx context.Context, recipient uuid.UUID, rule func(*domain.Preferences) error,
	) (domain.Preferences, error)

	// RemoveAll deletes the preferences of these recipients. Errors: none.
	RemoveAll(ctx context.Context, recipients []uuid.UUID) error
}

// Mailer sends messages by mail. It keeps a connection between messages and is used by one goroutine.
type Mailer interface {
	// Send sends a message. Errors: *domain.Failure.
	Send(ctx context.Context, m domain.Message) error

	// Close ends the connection. The Mailer may be used again afterwards. Errors: none.
	Close()
}

// Texts has the texts of pages in every language.
type Texts interface {
	// UnsubscribePage returns the page about a kind that can be declined, in the language, or in the first one of
	// domain.Languages. Errors: a text that cannot be written.
	UnsubscribePage(language string, kind notifications.Kind, declined bool) (domain.UnsubscribePage, error)
}

// NewMailer returns a Mailer. Errors: an invalid configuration.
type NewMailer func() (Mailer, error)

// Subscription is an endpoint that is enabled, and the kinds that it wants.
type Subscription struct {
	Endpoint notifications.EndpointID
	Kinds    []notifications.Kind // none: all
}

// Queue is the webhooks to an endpoint that are due.
type Queue struct {
	Endpoint notifications.EndpointID
	Failing  bool // the last attempt failed
}

// Receivers stores endpoints.
type Receivers interface {
	// Add stores a new endpoint. Errors: notifications.ErrTooManyEndpoints.
	Add(ctx context.Context, r domain.Receiver) error

	// Find returns an endpoint. Errors: notifications.ErrEndpointNotFound.
	Find(ctx context.Context, id notifications.EndpointID) (domain.Receiver, error)

	// List returns all endpoints, newest first. Errors: none.
	List(ctx context.Context) ([]domain.Receiver, error)

	// Subscriptions returns the endpoints that are enabled, as they were at most a second ago. A change that is
	// committed in this process counts at once. Errors: none.
	Subscriptions(ctx context.Context) ([]Subscription, error)

	// Change locks an endpoint, applies rule to it and stores the result if its version differs. Errors:
	// notifications.ErrEndpointNotFound, the errors of rule.
	Change(
		ctx context.Context, id notifications.EndpointID, rule func(*domain.Receiver) error,
	) (domain.Receiver, error)

	// Remove locks an endpoint, applies rule to it and deletes it. Errors: notifications.ErrEndpointNotFound, the
	// errors of rule.
	Remove(ctx context.Context, id notifications.EndpointID, rule func(domain.Receiver) error) error

	// Queues returns the endpoints for which a webhook is due, the longest due first. Errors: none.
	Queues(ctx context.Context, now time.Time) ([]Queue, error)

	// CancelOrphans ends pending webhooks to endpoints that do not exist, with a code. Another process may have added
	// them while it did not know of the removal. Errors: none.
	CancelOrphans(ctx context.Context, code string, now time.Time) error
}

// Hooks signs and sends webhooks.
type Hooks interface {
	// CheckURL validates the URL of an endpoint. Errors: a sentence for people, without any part of the URL.
	CheckURL(url string) error

	// NewSecret returns a signing secret of an endpoint, in the form that is shown once, and sealed.
	NewSecret(of notifications.EndpointID) (shown string, sealed domain.SealedSecret)

	// Reseal returns the secret sealed with the newest key of the operator. A secret that no key opens stays as it is.
	Reseal(of notifications.EndpointID, secret domain.SealedSecret) domain.SealedSecret

	// Send makes one attempt to deliver a webhook. Errors: *domain.Failure, also if no key of the operator opens the
	// endpoint's secret.
	Send(ctx context.Context, hook domain.Hook, now time.Time) error
}

// Links makes the addresses in messages, and reads those that end messages of a kind (RFC 8058).
type Links interface {
	// Page returns the address to which messages of the kind lead, "" if the operator has configured none.
	Page(kind notifications.Kind) string

	// Unsubscribe returns the address at which a recipient declines messages of the kind, "" if the operator has
	// configured none.
	Unsubscribe(recipient uuid.UUID, kind notifications.Kind) string

	// Read returns the recipient and the kind of the last part of an address of Unsubscribe. Errors:
	// notifications.ErrUnknownLink.
	Read(link string) (recipient uuid.UUID, kind notifications.Kind, err error)
}

// Reporter informs the operator. Errors contain nothing of a message.
type Reporter interface {
	// Failed reports work that is tried again.
	Failed(work string, err error)

	// Paused reports that a channel pauses because of a failure.
	Paused(channel notifications.Channel, code string, wait time.Duration)

	// GaveUp reports a delivery that is dead.
	GaveUp(d domain.Delivery)

	// EndpointFailed reports the first failure of an endpoint since its last success.
	EndpointFailed(id notifications.EndpointID, code string)

	// EndpointDisabled reports that an endpoint was disabled because of its failures.
	EndpointDisabled(id notifications.EndpointID, reason domain.Reason)
}
