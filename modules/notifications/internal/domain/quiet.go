package domain

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	minutesPerHour = 60
	noQuietHours   = "none"

	longestQuiet = 20 * minutesPerHour
	reminderLead = 24 * time.Hour
	// beforeQuiet is how long before quiet hours a reminder is sent that would be due in them.
	beforeQuiet = 15 * time.Minute
	// latestReminder is how long before the appointment a reminder is still worth sending after quiet hours.
	latestReminder = time.Hour
)

// QuietHours are the part of a day in which reminders are not sent, in minutes after midnight of the recipient. Equal
// minutes mean none.
type QuietHours struct{ From, To int }

var (
	errQuietHours = errors.New(`Enter two times, such as 21:00-08:00, or "none".`)
	errTooQuiet   = errors.New("Quiet hours are at most 20 hours a day.")
)

// ParseQuietHours reads "21:00-08:00" or "none". Errors: a sentence for people.
func ParseQuietHours(s string) (QuietHours, error) {
	if s == noQuietHours {
		return QuietHours{}, nil
	}
	from, to, both := strings.Cut(s, "-")
	first, err := parseClock(from)
	second, wrong := parseClock(to)
	if !both || err != nil || wrong != nil || first == second {
		return QuietHours{}, errQuietHours
	}
	const day = 24 * minutesPerHour
	if (second-first+day)%day > longestQuiet {
		return QuietHours{}, errTooQuiet
	}
	return QuietHours{first, second}, nil
}

func parseClock(s string) (int, error) {
	const layout = "15:04"
	t, err := time.Parse(layout, s)
	if err != nil || len(s) != len(layout) {
		return 0, errQuietHours
	}
	return t.Hour()*minutesPerHour + t.Minute(), nil
}

// String returns the form that ParseQuietHours reads.
func (q QuietHours) String() string {
	if q.From == q.To {
		return noQuietHours
	}
	clock := func(m int) string { return fmt.Sprintf("%02d:%02d", m/minutesPerHour, m%minutesPerHour) }
	return clock(q.From) + "-" + clock(q.To)
}

// begin returns the begin of the quiet hours that contain an instant, and their end.
func (q QuietHours) around(instant time.Time, zone *time.Location) (begin, end time.Time, quiet bool) {
	local := instant.In(zone)
	minute := local.Hour()*minutesPerHour + local.Minute()
	first, last := 0, 0 // the days of the begin and the end, counted from today
	switch {
	case q.From == q.To:
		return begin, end, false
	case q.From < q.To:
		quiet = q.From <= minute && minute < q.To
	case minute >= q.From:
		quiet, last = true, 1
	case minute < q.To:
		quiet, first = true, -1
	}
	at := func(days, minute int) time.Time {
		return time.Date(local.Year(), local.Month(), local.Day()+days, 0, minute, 0, 0, zone)
	}
	return at(first, q.From), at(last, q.To), quiet
}

// ReminderAt returns when the reminder of an appointment is due: a day before its start, or, if that is in quiet hours,
// shortly before these begin.
func (q QuietHours) ReminderAt(startsAt time.Time, zone *time.Location) time.Time {
	due := startsAt.Add(-reminderLead)
	if begin, _, quiet := q.around(due, zone); quiet {
		due = begin.Add(-beforeQuiet)
	}
	return due.UTC()
}

// EarliestReminder returns a time that is not later than ReminderAt for any quiet hours and time zone.
func EarliestReminder(startsAt time.Time) time.Time {
	const longest = 26 * time.Hour // quiet hours, on a day with a change of the offset
	return startsAt.Add(-reminderLead - longest)
}

// Reminder is what to do with a reminder at a time.
type Reminder struct {
	Send   bool
	Due    time.Time // zero unless it is to be looked at later
	Reason string    // the code, if it is cancelled
}

// Remind decides about the reminder of an appointment that begins at startsAt and was booked or moved at changedAt.
func (q QuietHours) Remind(startsAt, changedAt, now time.Time, zone *time.Location) Reminder {
	due := q.ReminderAt(startsAt, zone)
	_, end, quiet := q.around(now, zone)
	switch {
	case due.Before(changedAt): // the message about the change is the reminder
		return Reminder{Reason: CodeOutdated}
	case !now.Before(startsAt):
		return Reminder{Reason: CodeExpired}
	case now.Before(due):
		return Reminder{Due: due}
	case quiet && !end.After(startsAt.Add(-latestReminder)):
		return Reminder{Due: end.UTC()}
	}
	return Reminder{Send: true}
}
