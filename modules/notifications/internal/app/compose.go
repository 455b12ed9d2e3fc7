package app

import (
	"context"
	"errors"
	"time"

	"healthcare/modules/appointments"
	"healthcare/modules/identity"
	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/modules/patients"
	"healthcare/platform/timezone"
)

// Composer finds the recipient and the content of a message at the time at which it is sent, so that nothing of both is
// stored, and a message that is no longer wanted is not sent.
type Composer struct {
	preferences  ports.Preferences
	appointments appointments.Directory
	patients     patients.Contacts
	users        identity.Contacts
	links        ports.Links
	language     string
	quiet        domain.QuietHours
	showTime     bool
	zone         *time.Location
}

// NewComposer returns a Composer. Zone is the time zone of the service. Errors: invalid quiet hours.
func NewComposer(
	preferences ports.Preferences, calendar appointments.Directory, patientContacts patients.Contacts,
	users identity.Contacts, links ports.Links, cfg notifications.Config, zone *time.Location,
) (*Composer, error) {
	quiet, err := domain.ParseQuietHours(cfg.QuietHours)
	return &Composer{
		preferences: preferences, appointments: calendar, patients: patientContacts, users: users, links: links,
		language: cfg.Language, quiet: quiet, showTime: cfg.Detail == notifications.TimeDetail, zone: zone,
	}, err
}

// verdict is what is to be done with a delivery.
type verdict struct {
	message domain.Message
	cancel  string    // the code, if it is not to be sent
	due     time.Time // zero unless it is to be looked at later
}

func cancelFor(code string) verdict { return verdict{cancel: code} }

// compose returns the message of a delivery. Errors: those of the stores.
func (c *Composer) compose(ctx context.Context, d domain.Delivery, now time.Time) (verdict, error) {
	var visit *appointments.Appointment
	if wanted, isVisit := visits[d.Kind]; isVisit {
		found, err := c.appointments.Find(ctx, appointments.ID{UUID: d.Subject.ID})
		if errors.Is(err, appointments.ErrNotFound) || err == nil && !wanted(found) {
			return cancelFor(domain.CodeOutdated), nil
		}
		if err != nil {
			return verdict{}, err
		}
		visit = &found
	}
	to, err := c.recipient(ctx, d)
	switch {
	case err != nil:
		return verdict{}, err
	case to.address == "":
		return cancelFor(domain.CodeNoAddress), nil
	}
	chosen, err := c.preferences.Find(ctx, to.preferences)
	switch {
	case err != nil:
		return verdict{}, err
	case !chosen.Accepts(d.Kind):
		return cancelFor(domain.CodeDeclined), nil
	}
	message := domain.Message{
		ID: d.ID.UUID, Kind: d.Kind, To: to.address, Language: c.language, Link: c.links.Page(d.Kind),
	}
	if chosen.Language != "" {
		message.Language = chosen.Language
	}
	if domain.Declinable(d.Kind) {
		message.Unsubscribe = c.links.Unsubscribe(to.preferences, d.Kind)
	}
	if visit != nil {
		return c.withVisit(message, d, *visit, chosen, now), nil
	}
	return c.withToken(ctx, message, d, now)
}

// visits are the kinds about an appointment, and whether the appointment is still as in the message.
var visits = map[notifications.Kind]func(appointments.Appointment) bool{
	notifications.AppointmentBooked:    isOpen,
	notifications.AppointmentRequested: isOpen,
	notifications.AppointmentMoved:     isOpen,
	notifications.AppointmentReminder:  has(appointments.Booked),
	notifications.AppointmentCancelled: has(appointments.Cancelled),
}

func has(status appointments.Status) func(appointments.Appointment) bool {
	return func(a appointments.Appointment) bool { return a.Status == status }
}

func isOpen(a appointments.Appointment) bool {
	return a.Status == appointments.Booked || a.Status == appointments.Pending
}

func (c *Composer) withVisit(
	message domain.Message, d domain.Delivery, visit appointments.Appointment, chosen domain.Preferences, now time.Time,
) verdict {
	promised := c.load(visit.TimeZone, c.zone)
	if c.showTime {
		message.When, message.Zone = visit.StartsAt, promised
	}
	if !domain.Quiet(d.Kind) {
		return verdict{message: message}
	}
	quiet := c.quiet
	if own, err := domain.ParseQuietHours(chosen.QuietHours); chosen.QuietHours != "" && err == nil {
		quiet = own
	}
	decided := quiet.Remind(visit.StartsAt, d.CreatedAt, now, c.load(chosen.TimeZone, promised))
	if decided.Send {
		return verdict{message: message}
	}
	return verdict{cancel: decided.Reason, due: decided.Due}
}

// load returns a time zone, or otherwise if it has no name or an unknown one.
func (c *Composer) load(name string, otherwise *time.Location) *time.Location {
	if name == "" {
		return otherwise
	}
	zone, err := timezone.Load(name)
	if err != nil {
		return otherwise
	}
	return zone
}

// purposes are the kinds with a token.
var purposes = map[notifications.Kind]identity.Purpose{
	notifications.PasswordReset:     identity.PasswordReset,
	notifications.EmailVerification: identity.EmailVerification,
}

func (c *Composer) withToken(
	ctx context.Context, message domain.Message, d domain.Delivery, now time.Time,
) (verdict, error) {
	purpose, has := purposes[d.Kind]
	if !has {
		return verdict{message: message}, nil
	}
	token, err := c.users.FindToken(ctx, identity.TokenWanted{
		User: identity.UserID{UUID: d.Recipient.ID}, Purpose: purpose, Generation: d.Subject.Version,
		ExpiresAt: d.GiveUpAt,
	})
	if errors.Is(err, identity.ErrTokenNotWanted) {
		return cancelFor(domain.CodeOutdated), nil
	}
	if err != nil {
		return verdict{}, err
	}
	message.Token, message.Validity = token.Secret.Reveal(), token.ExpiresAt.Sub(now)
	return verdict{message: message}, nil
}
