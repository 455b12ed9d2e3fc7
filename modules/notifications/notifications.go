// Package notifications is the public package of the notifications module: messages to users, patients and programs
// about what has happened. It reacts to events of other modules, stores a delivery in their transaction, and sends it
// afterwards, at least once. Everything else is internal.
package notifications

import (
	"net/netip"

	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// ID identifies a delivery. It is the same in every attempt: the Message-ID of a message, the webhook-id of a webhook.
type ID = recordid.Of[delivery]

type delivery struct{}

// EndpointID identifies an endpoint of webhooks.
type EndpointID = recordid.Of[endpoint]

type endpoint struct{}

// ParseEndpointID reads an id in its canonical form. Errors: ErrEndpointNotFound.
func ParseEndpointID(s string) (EndpointID, error) {
	return recordid.Parse[EndpointID](s, ErrEndpointNotFound)
}

// ParseID reads an id in its canonical form. Errors: ErrNotFound.
func ParseID(s string) (ID, error) { return recordid.Parse[ID](s, ErrNotFound) }

// Kind is what a message is about.
type Kind string

// The kinds.
const (
	AppointmentBooked    Kind = "appointment.booked"
	AppointmentRequested Kind = "appointment.requested"
	AppointmentMoved     Kind = "appointment.moved"
	AppointmentCancelled Kind = "appointment.cancelled"
	AppointmentReminder  Kind = "appointment.reminder"
	PasswordReset        Kind = "account.password-reset"
	EmailVerification    Kind = "account.email-verification"
	PasswordChanged      Kind = "account.password-changed"
	NewNetwork           Kind = "account.new-network"
	DoctorLinked         Kind = "account.doctor-linked"
	AccessGranted        Kind = "patient.access-granted"
	EmergencyAccess      Kind = "patient.emergency-access"
	WebhookDisabled      Kind = "webhook.disabled"
)

// The kinds that only webhooks have. Those of appointments are "appointment." and the appointments.Change.
const (
	DoctorWasLinked Kind = "doctor.linked"
	WebhookTest     Kind = "webhook.test" // by the test button
)

// Channel is the way on which a message is sent.
type Channel string

// The channels.
const (
	Mail    Channel = "mail"
	Webhook Channel = "webhook"
)

// State is the state of a delivery.
type State string

// The states.
const (
	Pending   State = "pending"
	Sent      State = "sent" // accepted by the server, which does not mean that it has arrived
	Dead      State = "dead" // given up
	Cancelled State = "cancelled"
)

// Detail is how much of an appointment a message contains.
type Detail string

// The details.
const (
	NoDetail   Detail = "none" // that there is something to see after signing in
	TimeDetail Detail = "time" // also its date and time
)

// Config has the settings of the operator.
type Config struct {
	PublicURL    string // of the service and its app, without a slash at the end; "": messages have no links
	PracticeName string
	Language     string // of messages to recipients who have chosen none
	QuietHours   string // of recipients who have chosen none: "21:00-08:00" or "none"
	Detail       Detail
	MailsPerHour int // about appointments, to one address; 0: no limit
	Workers      int // messages that are sent at once; 0: the default

	WebhookAllowPrivate []netip.Prefix // addresses that are not public and may receive webhooks, also by http
}

// Errors of the module.
var (
	ErrNotFound      = errs.New(errs.NotFound, "not_found", "No such delivery.")
	ErrNotResendable = errs.New(
		errs.Conflict, "not_resendable",
		"Only deliveries that were sent or given up, and are not outdated, can be sent again.",
	)
	ErrUnknownLink = errs.New(errs.NotFound, "not_found", "This link is not valid.")
	ErrNotPending  = errs.New(errs.Conflict, "not_pending", "The delivery is no longer pending.")

	ErrEndpointNotFound = errs.New(errs.NotFound, "not_found", "No such webhook.")
	ErrTooManyEndpoints = errs.New(
		errs.Conflict, "too_many_webhooks", "There is the maximum number of webhooks. Delete one first.",
	)
	ErrTooManyTests = errs.New(
		errs.Throttled, "too_many_requests", "You test webhooks too often. Try again later.",
	)
)
