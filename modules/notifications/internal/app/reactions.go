package app

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/modules/patients"
	"healthcare/platform/clock"
	"healthcare/platform/events"
)

// module is the name of the subscriber.
const module = "notifications"

// announced are the changes of an appointment that are announced to its patient.
var announced = map[appointments.Change]notifications.Kind{
	appointments.WasRequested: notifications.AppointmentRequested,
	appointments.WasBooked:    notifications.AppointmentBooked,
	appointments.WasMoved:     notifications.AppointmentMoved,
	appointments.WasCancelled: notifications.AppointmentCancelled,
}

// WhenAppointmentChanged stores what is to be sent about an appointment, and withdraws what is pending.
func WhenAppointmentChanged(outbox ports.Outbox, receivers ports.Receivers, clk clock.Clock) events.Subscription {
	return events.On(module, func(ctx context.Context, changed appointments.Changed) error {
		now := clk.Now()
		if changed.Version > 1 { // nothing can be pending about a new appointment
			err := outbox.CancelAbout(ctx, notifications.Mail, changed.ID.UUID, domain.CodeOutdated, now)
			if err != nil {
				return err
			}
		}
		about := domain.Subject{ID: changed.ID.UUID, Version: int64(changed.Version)}
		hooks, err := hooksAbout(ctx, receivers, domain.EventOf(changed.Change), about, now)
		if err != nil {
			return err
		}
		return outbox.Add(ctx, append(messagesAbout(changed, now), hooks...)...)
	})
}

// hooksAbout returns a webhook for each endpoint that wants the kind. Errors: none of its own.
func hooksAbout(
	ctx context.Context, receivers ports.Receivers, kind notifications.Kind, about domain.Subject, now time.Time,
) (all []domain.Delivery, err error) {
	subscriptions, err := receivers.Subscriptions(ctx)
	for _, s := range subscriptions {
		if len(s.Kinds) == 0 || slices.Contains(s.Kinds, kind) {
			all = append(all, domain.NewWebhook(kind, s.Endpoint, about, now))
		}
	}
	return all, err
}

// messagesAbout returns the messages about a change: none about an appointment that has passed.
func messagesAbout(changed appointments.Changed, now time.Time) (all []domain.Delivery) {
	kind, known := announced[changed.Change]
	if !known || !changed.StartsAt.After(now) {
		return nil
	}
	patient := domain.Recipient{Kind: domain.Patient, ID: changed.Patient}
	about := domain.Subject{ID: changed.ID.UUID, Version: int64(changed.Version)}
	all = append(all, domain.NewMail(kind, patient, about, now))
	if changed.Status == appointments.Booked {
		reminder := domain.NewMail(notifications.AppointmentReminder, patient, about, now).Until(changed.StartsAt)
		if earliest := domain.EarliestReminder(changed.StartsAt); earliest.After(now) {
			reminder.DueAt = earliest
		}
		all = append(all, reminder)
	}
	return all
}

// WhenTokenWanted stores the message with a token. For an address without an account it stores a row without a
// recipient, so that both requests do the same.
func WhenTokenWanted(outbox ports.Outbox, clk clock.Clock) events.Subscription {
	kinds := map[identity.Purpose]notifications.Kind{
		identity.PasswordReset:     notifications.PasswordReset,
		identity.EmailVerification: notifications.EmailVerification,
	}
	return events.On(module, func(ctx context.Context, wanted identity.TokenWanted) error {
		about := domain.Subject{ID: wanted.User.UUID, Version: wanted.Generation}
		message := domain.NewMail(kinds[wanted.Purpose], user(wanted.User.UUID), about, clk.Now())
		message = message.Until(wanted.ExpiresAt)
		if wanted.User.UUID == uuid.Nil {
			message = message.ToNobody()
		}
		return outbox.Add(ctx, message)
	})
}

func user(id uuid.UUID) domain.Recipient { return domain.Recipient{Kind: domain.User, ID: id} }

// aboutAccount returns a message to a user about the own account.
func aboutAccount(kind notifications.Kind, id identity.UserID, now time.Time) domain.Delivery {
	return domain.NewMail(kind, user(id.UUID), domain.Subject{ID: id.UUID}, now)
}

// WhenPasswordChanged announces a new password to the user.
func WhenPasswordChanged(outbox ports.Outbox, clk clock.Clock) events.Subscription {
	return events.On(module, func(ctx context.Context, changed identity.PasswordChanged) error {
		return outbox.Add(ctx, aboutAccount(notifications.PasswordChanged, changed.User, clk.Now()))
	})
}

// WhenSignedInFromNewNetwork announces the sign-in to the user.
func WhenSignedInFromNewNetwork(outbox ports.Outbox, clk clock.Clock) events.Subscription {
	return events.On(module, func(ctx context.Context, signedIn identity.SignedInFromNewNetwork) error {
		return outbox.Add(ctx, aboutAccount(notifications.NewNetwork, signedIn.User, clk.Now()))
	})
}

// WhenDoctorLinked announces to a user that the account acts for a doctor.
func WhenDoctorLinked(outbox ports.Outbox, receivers ports.Receivers, clk clock.Clock) events.Subscription {
	return events.On(module, func(ctx context.Context, linked doctors.Linked) error {
		about, now := domain.Subject{ID: linked.ID.UUID}, clk.Now()
		hooks, err := hooksAbout(ctx, receivers, notifications.DoctorWasLinked, about, now)
		if err != nil {
			return err
		}
		mail := domain.NewMail(notifications.DoctorLinked, user(linked.User), about, now)
		return outbox.Add(ctx, append(hooks, mail)...)
	})
}

// WhenClaimed announces an access to a patient: to the user who keeps the patient and, unless the patient has claimed
// the own record, to the patient.
func WhenClaimed(outbox ports.Outbox, receivers ports.Receivers, clk clock.Clock) events.Subscription {
	return events.On(module, func(ctx context.Context, claimed patients.Claimed) error {
		kind := notifications.AccessGranted
		if claimed.Basis == "emergency" {
			kind = notifications.EmergencyAccess
		}
		about, now := domain.Subject{ID: claimed.ID.UUID}, clk.Now()
		keeper := domain.Recipient{Kind: domain.Keeper, ID: claimed.ID.UUID}
		all := []domain.Delivery{domain.NewMail(kind, keeper, about, now)}
		if claimed.Basis != "self" {
			patient := domain.Recipient{Kind: domain.Patient, ID: claimed.ID.UUID}
			all = append(all, domain.NewMail(kind, patient, about, now))
		}
		hooks, err := hooksAbout(ctx, receivers, kind, about, now)
		if err != nil {
			return err
		}
		return outbox.Add(ctx, append(all, hooks...)...)
	})
}

// WhenPatientDeleted deletes what is stored about removed patients.
func WhenPatientDeleted(outbox ports.Outbox, preferences ports.Preferences) events.Subscription {
	return events.On(module, func(ctx context.Context, deleted patients.Deleted) error {
		ids := make([]uuid.UUID, len(deleted.IDs))
		for i, id := range deleted.IDs {
			ids[i] = id.UUID
		}
		return removeAll(ctx, outbox, preferences, ids)
	})
}

// WhenAccountRemoved deletes what is stored about a removed user.
func WhenAccountRemoved(outbox ports.Outbox, preferences ports.Preferences) events.Subscription {
	return events.On(module, func(ctx context.Context, removed identity.Removed) error {
		return removeAll(ctx, outbox, preferences, []uuid.UUID{removed.User.UUID})
	})
}

func removeAll(ctx context.Context, outbox ports.Outbox, preferences ports.Preferences, ids []uuid.UUID) error {
	if err := outbox.RemoveAllOf(ctx, ids); err != nil {
		return err
	}
	return preferences.RemoveAll(ctx, ids)
}
