package rest

import (
	"bytes"
	"cmp"
	"io"
	"strings"
	"unicode"

	ics "github.com/arran4/golang-ical"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
)

// This file writes iCalendar objects (RFC 5545). Times are in UTC, so that no time zone has to be described: there are
// no recurring events, for which that would be wrong.

// uidHost is the part after @ in the UID of every appointment. It never changes, because calendars would otherwise show
// each appointment twice: it depends neither on the configuration nor on the host of the request. The domain .invalid
// is nobody's (RFC 2606).
const uidHost = "healthcare.invalid"

// textCalendar is the media type of iCalendar objects.
const textCalendar = "text/calendar; charset=utf-8"

// refreshInterval is how often calendar programs should read a feed.
const refreshInterval = "PT15M"

// calendarFeed returns the body of a feed: all events that a subscribed calendar has. Equal events have equal bytes.
func calendarFeed(events []app.ShownEvent) []byte {
	cal := newCalendar(ics.MethodPublish)
	cal.SetRefreshInterval(refreshInterval) // RFC 7986, section 5.7; the library adds VALUE=DURATION
	cal.SetXPublishedTTL(refreshInterval)
	cal.Components = []ics.Component{shownEvents(events)}
	return serialized(cal)
}

// shownEvents are the events of a feed. Each exists only while it is written: the library needs 5 KB for an event.
type shownEvents []app.ShownEvent

// SerializeTo implements ics.Component.
func (all shownEvents) SerializeTo(w io.Writer, form *ics.SerializationConfiguration) error {
	for _, e := range all {
		if err := newEvent(e.FeedEvent, cmp.Or(e.Initials, "Busy")).SerializeTo(w, form); err != nil {
			return err
		}
	}
	return nil
}

// UnknownPropertiesIANAProperties implements ics.Component.
func (shownEvents) UnknownPropertiesIANAProperties() []ics.IANAProperty { return nil }

// SubComponents implements ics.Component.
func (shownEvents) SubComponents() []ics.Component { return nil }

// invitation returns an appointment as a file that its patient adds to a calendar, or that removes it from there
// (RFC 5546). It has the name of the doctor, and no data of the patient.
func invitation(a domain.Appointment, doctorName string) []byte {
	method := ics.MethodRequest
	if calendarStatus(a.Status) == ics.ObjectStatusCancelled {
		method = ics.MethodCancel
	}
	cal := newCalendar(method)
	event := newEvent(domain.FeedEvent{
		ID: a.ID, StartsAt: a.StartsAt, EndsAt: a.EndsAt, Status: a.Status, Sequence: a.Sequence,
		UpdatedAt: a.UpdatedAt,
	}, "Appointment with "+doctorName)
	// Required by RFC 5546, sections 3.2.2 and 3.2.5. Neither is an e-mail address, so that no program sends replies,
	// and neither identifies a person.
	event.AddProperty(ics.ComponentPropertyOrganizer, "invalid:nomail")
	event.AddProperty(ics.ComponentPropertyAttendee, "urn:uuid:"+a.ID.String(),
		ics.ParticipationStatusAccepted, ics.WithRSVP(false))
	cal.AddVEvent(event)
	return serialized(cal)
}

func newCalendar(method ics.Method) *ics.Calendar {
	cal := ics.NewCalendar()
	cal.SetProductId("-//Healthcare backend//Appointments//EN")
	cal.SetCalscale("GREGORIAN")
	cal.SetMethod(method)
	return cal
}

func newEvent(e domain.FeedEvent, summary string) *ics.VEvent {
	event, status := ics.NewEvent(e.ID.String()+"@"+uidHost), calendarStatus(e.Status)
	event.SetDtStampTime(e.UpdatedAt)
	event.SetModifiedAt(e.UpdatedAt)
	event.SetStartAt(e.StartsAt)
	event.SetEndAt(e.EndsAt)
	event.SetSequence(e.Sequence)
	event.SetStatus(status)
	event.SetSummary(printable(summary))
	event.SetTimeTransparency(ics.TransparencyOpaque)
	if status == ics.ObjectStatusCancelled { // for programs that ignore the status
		event.SetTimeTransparency(ics.TransparencyTransparent)
	}
	return event
}

// calendarStatus returns the status of RFC 5545, section 3.8.1.11.
func calendarStatus(s appointments.Status) ics.ObjectStatus {
	switch s {
	case appointments.Held, appointments.Pending:
		return ics.ObjectStatusTentative
	case appointments.Cancelled, appointments.EnteredInError, appointments.Expired:
		return ics.ObjectStatusCancelled
	default:
		return ics.ObjectStatusConfirmed
	}
}

// printable replaces control characters, which a text must not contain (RFC 5545, section 3.1). The library escapes
// the rest.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// serialized returns the text with the line ends of RFC 5545, section 3.1, which are not the library's default.
func serialized(cal *ics.Calendar) []byte {
	var text bytes.Buffer
	_ = cal.SerializeTo(&text, ics.WithNewLineWindows) // writes to memory
	return text.Bytes()
}
