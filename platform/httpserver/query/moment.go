package query

import (
	"regexp"
	"time"
)

// lostPlus matches a time with a space instead of the plus sign: in a query an unescaped + is a space.
var lostPlus = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?) (\d{2}:\d{2})$`)

// Common mistakes in times. The error message for each describes the correction.
var (
	otherCase = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(?:t.*|.*z)$`)
	noOffset  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?$`)
	noPlus    = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[Tt ].* \d{2}:?(?:\d{2})?$`)
	spaceForT = regexp.MustCompile(`^\d{4}-\d{2}-\d{2} \d{2}:\d{2}`)
)

const timeFormat = "Must be a date, or a time such as 2026-11-22T22:29:36Z or 2026-11-22T22:29:36%2B05:30 (RFC 3339)."

// moment returns the value of a parameter of format date-time in RFC 3339: the time that was sent, or the start of the
// day if a date was sent. It restores an unescaped plus sign. Errors: a sentence that describes how to write a time.
func (r Reader) moment(sent string) (string, error) {
	value := sent
	if day, err := time.Parse(time.DateOnly, sent); err == nil {
		value = startOfDay(day, r.Zone).UTC().Format(time.RFC3339)
	} else if !r.Strict {
		value = lostPlus.ReplaceAllString(sent, "$1+$2")
	}
	at, err := time.Parse(time.RFC3339, value)
	if year := at.UTC().Year(); err == nil && year >= 1 && year <= 9999 { // the years that both engines support
		return value, nil
	}
	return "", sentence(timeFormat + hint(sent, err))
}

// hint describes a common mistake in sent, or returns "". err is the result of parsing it.
func hint(sent string, err error) string {
	switch {
	case err == nil:
		return " Its year must be between 1 and 9999 in UTC."
	case noOffset.MatchString(sent):
		return " The time zone is missing: end with Z, or with an offset such as %2B05:30."
	case noPlus.MatchString(sent):
		return " Write the plus sign of an offset as %2B."
	case spaceForT.MatchString(sent):
		return " Write T between the date and the time."
	case otherCase.MatchString(sent):
		return " Write T and Z in upper case."
	}
	return ""
}

// startOfDay returns the first instant of a civil day in a time zone. If clocks skip midnight, it is the first instant
// afterwards. A day that a zone skips entirely begins with the next day.
func startOfDay(day time.Time, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	midnight := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC)
	for from := midnight.Add(-24 * time.Hour).In(zone); ; { // no zone has a larger offset
		_, offset := from.Zone()
		start := midnight.Add(-time.Duration(offset) * time.Second)
		if start.Before(from) {
			start = from // clocks were set forward past midnight
		}
		_, changes := from.ZoneBounds()
		if changes.IsZero() || start.Before(changes) {
			return start
		}
		from = changes
	}
}
