package domain

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
	"healthcare/platform/timezone"
)

// Availability is when a doctor sees patients.
type Availability struct {
	DoctorID  doctors.ID
	TimeZone  string            // IANA name; "": the time zone of the service
	Step      int               // minutes between the starts of free times: 5 to 240
	Lead      int               // minutes between booking and start, at least: 0 to 43,200
	Horizon   int               // days ahead, at most: 1 to 730
	Windows   []calendar.Window // in the order of compareWindows
	Version   int               // 0: the default, which is not stored
	UpdatedAt time.Time
}

// MaxWindows is the maximum number of windows of a doctor.
const MaxWindows = 100

const (
	defaultStep    = 15
	defaultHorizon = 365
	maxZoneName    = 64
)

// NewAvailability returns the default: the doctor sees no patients.
func NewAvailability(doctor doctors.ID) Availability {
	return Availability{DoctorID: doctor, Step: defaultStep, Horizon: defaultHorizon}
}

// AvailabilityInput is a whole availability as it is sent. Empty text and nil are the default.
type AvailabilityInput struct {
	TimeZone    string
	StepMinutes *int
	LeadMinutes *int
	HorizonDays *int
	Windows     []WindowInput
}

// WindowInput is a weekly opening time as it is sent. Empty optional text means that there is no such bound.
type WindowInput struct {
	Weekday   string // monday to sunday, in any letter case
	From, To  string // HH:MM; To is on the next day unless it is later than From, and may be 24:00
	ValidFrom string // optional, YYYY-MM-DD: the first day
	ValidTo   string // optional, YYYY-MM-DD: the last day
	Type      string // optional, the id of the only appointment type
}

// Validate checks all fields. Errors: errs.Invalid with every field that breaks a rule.
func (i AvailabilityInput) Validate() error {
	_, err := i.parse(doctors.ID{})
	return err
}

// Revise replaces the availability. Equal values keep Version and UpdatedAt. Errors: errs.Invalid.
func (a *Availability) Revise(input AvailabilityInput, now time.Time) error {
	revised, err := input.parse(a.DoctorID)
	if err != nil {
		return err
	}
	revised.Version, revised.UpdatedAt = a.Version, a.UpdatedAt
	if len(a.Differing(revised)) > 0 {
		revised.Version, revised.UpdatedAt = a.Version+1, now
	}
	*a = revised
	return nil
}

// Differing returns the names of the fields in which a and other differ.
func (a Availability) Differing(other Availability) (names []string) {
	for name, differs := range map[string]bool{
		"time_zone":    a.TimeZone != other.TimeZone,
		"step_minutes": a.Step != other.Step,
		"lead_minutes": a.Lead != other.Lead,
		"horizon_days": a.Horizon != other.Horizon,
		"windows": !slices.EqualFunc(a.Windows, other.Windows, func(a, b calendar.Window) bool {
			return compareWindows(a, b) == 0
		}),
	} {
		if differs {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TypeOfWindow returns the name of the field with the type of a window, for errors.
func TypeOfWindow(index int) string { return fieldOfWindow(index, "type") }

func fieldOfWindow(index int, name string) string { return fmt.Sprintf("windows[%d].%s", index, name) }

// Types returns the appointment types of the windows, by the index of the window.
func (i AvailabilityInput) Types() map[int]TypeID {
	types := map[int]TypeID{}
	for index, w := range i.Windows {
		if id, err := w.parseType(); err == nil && w.Type != "" {
			types[index] = id // also the zero id, which no type has
		}
	}
	return types
}

func (i AvailabilityInput) parse(doctor doctors.ID) (Availability, error) {
	a := NewAvailability(doctor)
	a.TimeZone = strings.TrimSpace(i.TimeZone)
	setGiven(&a.Step, i.StepMinutes)
	setGiven(&a.Lead, i.LeadMinutes)
	setGiven(&a.Horizon, i.HorizonDays)
	wrong := map[string]error{
		"time_zone":    checkZone(a.TimeZone),
		"step_minutes": between(a.Step, 5, 240),
		"lead_minutes": between(a.Lead, 0, 43_200),
		"horizon_days": between(a.Horizon, 1, 730),
	}
	if len(i.Windows) > MaxWindows {
		wrong["windows"] = errTooManyWindows
		return Availability{}, errs.Fields(wrong)
	}
	for index, input := range i.Windows {
		window, errors := input.parse()
		for name, err := range errors {
			wrong[fieldOfWindow(index, name)] = err
		}
		a.Windows = append(a.Windows, window)
	}
	if err := errs.Fields(wrong); err != nil {
		return Availability{}, err
	}
	SortWindows(a.Windows)
	return a, nil
}

func setGiven(target, given *int) {
	if given != nil {
		*target = *given
	}
}

// checkZone returns an error unless the name is that of a time zone, or empty.
func checkZone(name string) error {
	if name == "" {
		return nil
	}
	if _, err := timezone.Load(name); err != nil || len(name) > maxZoneName {
		return errUnknownZone
	}
	return nil
}

// Messages for people, as sentences.
var (
	errTooManyWindows = errors.New("Must have at most 100 items.")
	errUnknownZone    = errors.New("Must be a time zone of the IANA database, such as Europe/Berlin.")
	errRequired       = errors.New("This field is required.")
	errWeekday        = errors.New("Must be one of monday, tuesday, wednesday, thursday, friday, saturday, sunday.")
	errTypeID         = errors.New("Must be a UUID.")
	errBeforeFrom     = errors.New("May not be before the first day.")
)

// weekdays lists the names of the weekdays, by time.Weekday.
var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// WeekdayName returns the name of a weekday in the contract.
func WeekdayName(day time.Weekday) string { return weekdays[day] }

func parseWeekday(name string) (time.Weekday, error) {
	if name == "" {
		return 0, errRequired
	}
	day := slices.Index(weekdays, strings.ToLower(strings.TrimSpace(name)))
	if day < 0 {
		return 0, errWeekday
	}
	return time.Weekday(day), nil
}

func (w WindowInput) parseType() (TypeID, error) {
	if w.Type == "" {
		return TypeID{}, nil
	}
	return recordid.Parse[TypeID](w.Type, errTypeID)
}

// parse returns the window, and the errors of its fields.
func (w WindowInput) parse() (window calendar.Window, wrong map[string]error) {
	wrong = map[string]error{}
	window.Weekday, wrong["weekday"] = parseWeekday(w.Weekday)
	var times map[string]error
	window.Minutes, times = parseMinutes(w.From, w.To)
	maps.Copy(wrong, times)
	window.ValidFrom, wrong["valid_from"] = parseOptionalDate(w.ValidFrom)
	window.ValidUntil, wrong["valid_to"] = parseOptionalDate(w.ValidTo)
	if window.ValidFrom != nil && window.ValidUntil != nil && *window.ValidUntil < *window.ValidFrom {
		wrong["valid_to"] = errBeforeFrom
	}
	var id TypeID
	id, wrong["type"] = w.parseType()
	window.Type = id.UUID
	return window, wrong
}

func parseOptionalDate(s string) (*calendar.Date, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil //nolint:nilnil // there is no bound
	}
	date, err := calendar.ParseDate(s)
	if err != nil {
		return nil, err
	}
	return &date, nil
}

// SortWindows sorts windows by weekday, beginning with Monday, and by time, so that equal availabilities are shown in
// the same order.
func SortWindows(windows []calendar.Window) { slices.SortFunc(windows, compareWindows) }

func compareWindows(a, b calendar.Window) int {
	const daysPerWeek = 7
	fromMonday := func(day time.Weekday) int { return (int(day) + daysPerWeek - 1) % daysPerWeek }
	return cmp.Or(
		cmp.Compare(fromMonday(a.Weekday), fromMonday(b.Weekday)),
		cmp.Compare(a.From, b.From),
		cmp.Compare(a.To, b.To),
		compareDates(a.ValidFrom, b.ValidFrom),
		compareDates(a.ValidUntil, b.ValidUntil),
		slices.Compare(a.Type[:], b.Type[:]),
	)
}

// compareDates compares optional dates. A missing one is the first.
func compareDates(a, b *calendar.Date) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}
