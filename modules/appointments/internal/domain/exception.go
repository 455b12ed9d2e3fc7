package domain

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// ExceptionID identifies an exception.
type ExceptionID = recordid.Of[Exception]

// ParseExceptionID reads an id in its canonical form. Errors: appointments.ErrExceptionNotFound.
func ParseExceptionID(s string) (ExceptionID, error) {
	return recordid.Parse[ExceptionID](s, appointments.ErrExceptionNotFound)
}

// Exception is a time in which the weekly windows of a doctor do not apply, or a holiday of the practice.
type Exception struct {
	ID       ExceptionID
	DoctorID *doctors.ID // nil: a holiday of the whole practice, which is always a closure
	calendar.Exception
	Note      string // optional, at most 200 characters
	CreatedBy uuid.UUID
	CreatedAt time.Time
}

const (
	// MaxExceptions is the maximum number of exceptions of a doctor, and of holidays, that have not passed.
	MaxExceptions = 400

	// maxExceptionDays is the maximum number of days of an exception: a leap year.
	maxExceptionDays = 366
)

// The kinds of exceptions.
const (
	Closed = "closed" // the doctor sees no patients
	Hours  = "hours"  // these hours replace the weekly windows
)

// ExceptionInput is a new exception as it is sent.
type ExceptionInput struct {
	StartsOn string // YYYY-MM-DD
	EndsOn   string // optional, the last day; by default StartsOn
	From, To string // optional, HH:MM of each day, as in WindowInput; by default all day
	Kind     string // Closed or Hours, in any letter case
	Note     string // optional
}

// Messages for people, as sentences.
var (
	errKind          = errors.New("Must be one of closed, hours.")
	errHoursRequired = errors.New("Is required if the kind is hours.")
	errTooLong       = errors.New("May not be more than 365 days after the first day.")
	errPast          = errors.New("May not be in the past.")
)

// NewException returns a new exception of a doctor, or a holiday if doctor is nil. Today is the date where it applies.
// Errors: errs.Invalid with every field that breaks a rule.
func NewException(
	input ExceptionInput, doctor *doctors.ID, by uuid.UUID, now time.Time, today calendar.Date,
) (Exception, error) {
	e, wrong := input.parse()
	if wrong["ends_on"] == nil && wrong["starts_on"] == nil && e.To < today {
		wrong[input.lastDay()] = errPast
	}
	if err := errs.Fields(wrong); err != nil {
		return Exception{}, err
	}
	e.ID, e.DoctorID, e.Practice = recordid.New[ExceptionID](), doctor, doctor == nil
	e.CreatedBy, e.CreatedAt = by, now
	return e, nil
}

// Validate checks the fields, except that the exception has not passed. Errors: errs.Invalid with every field that
// breaks a rule.
func (i ExceptionInput) Validate() error {
	_, wrong := i.parse()
	return errs.Fields(wrong)
}

// lastDay returns the name of the field with the last day.
func (i ExceptionInput) lastDay() string {
	if strings.TrimSpace(i.EndsOn) == "" {
		return "starts_on"
	}
	return "ends_on"
}

// parse returns the exception, and the errors of its fields.
func (i ExceptionInput) parse() (e Exception, wrong map[string]error) {
	wrong = map[string]error{}
	e.From, wrong["starts_on"] = parseDate(i.StartsOn)
	e.To = e.From
	if i.lastDay() == "ends_on" {
		e.To, wrong["ends_on"] = parseDate(i.EndsOn)
	}
	if wrong["starts_on"] == nil && wrong["ends_on"] == nil {
		switch {
		case e.To < e.From:
			wrong["ends_on"] = errBeforeFrom
		case e.To >= e.From.AddDays(maxExceptionDays):
			wrong["ends_on"] = errTooLong
		}
	}
	kind := strings.ToLower(strings.TrimSpace(i.Kind))
	switch e.Hours = kind == Hours; {
	case kind == "":
		wrong["kind"] = errRequired
	case !slices.Contains([]string{Closed, Hours}, kind):
		wrong["kind"] = errKind
	}
	switch {
	case i.From != "" || i.To != "":
		part, times := parseMinutes(i.From, i.To)
		e.Minutes = &part
		maps.Copy(wrong, times)
	case e.Hours:
		wrong["from"], wrong["to"] = errHoursRequired, errHoursRequired
	}
	e.Note = strings.TrimSpace(i.Note)
	wrong["note"] = validation.Validate(
		e.Note, validation.RuneLength(0, 200).Error("Must have at most 200 characters."),
	)
	return e, wrong
}

func parseDate(s string) (calendar.Date, error) {
	if strings.TrimSpace(s) == "" {
		return 0, errRequired
	}
	return calendar.ParseDate(s)
}

// KindName returns the kind of an exception in the contract and in the store.
func (e Exception) KindName() string {
	if e.Hours {
		return Hours
	}
	return Closed
}

// Visit is the time of an open appointment.
type Visit struct {
	DoctorID doctors.ID
	TypeID   TypeID
	From, To time.Time
}

// Affects reports whether the visit falls on the exception: it is outside the opening hours of the doctor's rules,
// which include the exception, and either the exception closes its time, or it would be inside without the exception.
func (e Exception) Affects(visit Visit, rules calendar.Rules) bool {
	if visit.isInside(rules) {
		return false
	}
	if !e.Hours && e.closes(visit, rules.Zone) {
		return true
	}
	rules.Exceptions = slices.Clone(rules.Exceptions)
	for i, other := range rules.Exceptions {
		if e.equals(other) {
			rules.Exceptions = slices.Delete(rules.Exceptions, i, i+1)
			break
		}
	}
	return visit.isInside(rules)
}

func (e Exception) equals(other calendar.Exception) bool {
	return e.From == other.From && e.To == other.To && e.Hours == other.Hours && e.Practice == other.Practice &&
		(e.Minutes == nil) == (other.Minutes == nil) && (e.Minutes == nil || *e.Minutes == *other.Minutes)
}

// isInside reports whether the visit is inside the opening hours.
func (v Visit) isInside(rules calendar.Rules) bool {
	minutes := int(v.To.Sub(v.From) / time.Minute)
	query := calendar.Query{Now: v.From, Type: v.TypeID.UUID, Length: calendar.Length{Minutes: minutes}}
	_, reason := rules.Bookable(v.From, query)
	return reason != calendar.NoAvailability && reason != calendar.Holiday
}

// closes reports whether the visit is during the time of a closure.
func (e Exception) closes(visit Visit, zone *time.Location) bool {
	part := calendar.Minutes{To: minutesPerDay}
	if e.Minutes != nil {
		part = *e.Minutes
	}
	first, last := calendar.DateOf(visit.From, zone).AddDays(-1), calendar.DateOf(visit.To, zone)
	for day := max(first, e.From); day <= min(last, e.To); day++ {
		from, to := calendar.At(zone, day, part.From), calendar.At(zone, day, part.To)
		if from.Before(visit.To) && visit.From.Before(to) {
			return true
		}
	}
	return false
}

// Reach returns a time outside of which no visit falls on the exception, in any time zone.
func (e Exception) Reach() calendar.Span {
	const days = 2 // hours and closures last until 24 hours after their date, and zones differ by 26 hours
	return calendar.Span{
		From: calendar.At(time.UTC, e.From.AddDays(-days), 0), To: calendar.At(time.UTC, e.To.AddDays(1+days), 0),
	}
}
