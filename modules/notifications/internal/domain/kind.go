package domain

import (
	"maps"
	"slices"
	"time"

	"healthcare/modules/appointments"
	"healthcare/modules/notifications"
)

const (
	// A message is sent until it is this old (RFC 5321, section 4.5.4.1), unless it has an earlier end.
	mailLifetime = 4 * 24 * time.Hour

	webhookLifetime = 3 * 24 * time.Hour
)

// rule is how messages of a kind are treated.
type rule struct {
	declinable bool // recipients may decline the kind
	quiet      bool // not sent in quiet hours
	limited    bool // at most some in an hour to one address
	hasEnd     bool // useless after a time of its own, such as the end of a token
}

// rules has the kinds. Messages about the security of an account, and about access to a patient, cannot be declined.
var rules = map[notifications.Kind]rule{
	notifications.AppointmentBooked:    {declinable: true, limited: true},
	notifications.AppointmentRequested: {declinable: true, limited: true},
	notifications.AppointmentMoved:     {declinable: true, limited: true},
	notifications.AppointmentCancelled: {declinable: true, limited: true},
	notifications.AppointmentReminder:  {declinable: true, quiet: true, hasEnd: true},
	notifications.PasswordReset:        {hasEnd: true},
	notifications.EmailVerification:    {hasEnd: true},
	notifications.PasswordChanged:      {},
	notifications.NewNetwork:           {},
	notifications.DoctorLinked:         {},
	notifications.AccessGranted:        {},
	notifications.EmergencyAccess:      {},
	notifications.WebhookDisabled:      {},
}

// Kinds returns the kinds of mails, sorted.
func Kinds() []notifications.Kind { return slices.Sorted(maps.Keys(rules)) }

// changes are all changes of an appointment.
var changes = []appointments.Change{
	appointments.WasHeld, appointments.WasRequested, appointments.WasBooked, appointments.WasMoved,
	appointments.WasCancelled, appointments.HasArrived, appointments.WasFulfilled, appointments.WasMissed,
	appointments.WasVoided, appointments.HasExpired,
}

// EventOf returns the kind of webhooks about a change of an appointment.
func EventOf(change appointments.Change) notifications.Kind {
	return notifications.Kind("appointment." + change)
}

// Events returns the kinds of webhooks that an endpoint can ask for, sorted.
func Events() []notifications.Kind {
	all := []notifications.Kind{
		notifications.AccessGranted, notifications.EmergencyAccess, notifications.DoctorWasLinked,
	}
	for _, change := range changes {
		all = append(all, EventOf(change))
	}
	slices.Sort(all)
	return all
}

// Declinable reports whether recipients may decline messages of the kind.
func Declinable(kind notifications.Kind) bool { return rules[kind].declinable }

// Quiet reports whether messages of the kind are not sent in quiet hours.
func Quiet(kind notifications.Kind) bool { return rules[kind].quiet }

// DeclinableKinds returns the kinds that recipients may decline, sorted.
func DeclinableKinds() []notifications.Kind {
	return slices.DeleteFunc(Kinds(), func(kind notifications.Kind) bool { return !Declinable(kind) })
}

// KindsWithEnd returns the kinds that are useless after a time of their own, sorted.
func KindsWithEnd() []notifications.Kind {
	return slices.DeleteFunc(Kinds(), func(kind notifications.Kind) bool { return !rules[kind].hasEnd })
}

// EndOf returns when a message of the channel is given up that is to be sent from now on.
func EndOf(channel notifications.Channel, now time.Time) time.Time {
	if channel == notifications.Webhook {
		return now.Add(webhookLifetime)
	}
	return now.Add(mailLifetime)
}

// Limited reports whether only some messages of the kind are sent to one address in an hour.
func Limited(kind notifications.Kind) bool { return rules[kind].limited }

// LimitedKinds returns the kinds that are Limited, sorted.
func LimitedKinds() []notifications.Kind {
	return slices.DeleteFunc(Kinds(), func(kind notifications.Kind) bool { return !Limited(kind) })
}
