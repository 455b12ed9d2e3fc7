package domain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments/internal/domain"
)

func TestParseStart(t *testing.T) {
	utc := func(year int, month time.Month, day, hour, minute int) *time.Time {
		at := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
		return &at
	}
	for given, want := range map[string]*time.Time{
		"2026-12-01T09:30:00Z":            utc(2026, 12, 1, 9, 30),
		" 2026-12-01T09:30:00Z\n":         utc(2026, 12, 1, 9, 30),
		"2026-12-01T09:30:00+05:30":       utc(2026, 12, 1, 4, 0),
		"2026-12-01T00:15:00+05:45":       utc(2026, 11, 30, 18, 30),
		"2026-12-01T09:30:00-12:00":       utc(2026, 12, 1, 21, 30),
		"2026-12-01T09:30:00.000000Z":     utc(2026, 12, 1, 9, 30),
		"2026-12-01T09:30:00.0000000000Z": utc(2026, 12, 1, 9, 30),
		"2026-12-01T09:30:00+23:59":       utc(2026, 11, 30, 9, 31),
		"2000-01-01T00:00:00Z":            utc(2000, 1, 1, 0, 0),
		"2000-01-01T00:00:00-01:00":       utc(2000, 1, 1, 1, 0),
		"9900-12-31T23:59:00Z":            utc(9900, 12, 31, 23, 59),
		"9901-01-01T00:30:00+01:00":       utc(9900, 12, 31, 23, 30),
		"2028-02-29T09:30:00Z":            utc(2028, 2, 29, 9, 30),

		"":                             nil,
		"2026-12-01":                   nil,
		"2026-12-01T09:30":             nil,
		"2026-12-01T09:30:00":          nil, // without offset
		"2026-12-01T09:30Z":            nil,
		"2026-12-01 09:30:00Z":         nil,
		"2026-12-01T09:30:00 01:00":    nil, // a plus sign that was decoded
		"2026-12-01T09:30:01Z":         nil,
		"2026-12-01T09:30:00.000001Z":  nil,
		"2026-12-01T09:30:00.0000001Z": nil,
		"2026-02-29T09:30:00Z":         nil,
		"2026-12-32T09:30:00Z":         nil,
		"2026-12-01T24:00:00Z":         nil,
		"2016-12-31T23:59:60Z":         nil,
		"1999-12-31T23:59:00Z":         nil,
		"2000-01-01T00:30:00+01:00":    nil,
		"9901-01-01T00:00:00Z":         nil,
		"9900-12-31T23:30:00-01:00":    nil,
		"1764581400":                   nil,
		"tomorrow":                     nil,
		"2026-12-01T9:30:00Z":          nil, // time.Parse accepts these
		"2026-12-01T09:30:00,000Z":     nil,
		"2026-12-01T09:30:00+24:00":    nil,
		"2026-12-01T09:30:00+23:60":    nil,
	} {
		t.Run("reads "+given, func(t *testing.T) {
			got, err := domain.ParseStart(given)
			if want == nil {
				require.Error(t, err)
				require.Zero(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, *want, got)
		})
	}
	for _, given := range []string{
		"0000-01-01T00:00:00Z", "1999-12-31T23:59:00Z", "2000-01-01T00:30:00+01:00", "9900-12-31T23:30:00-01:00",
		"9999-12-31T23:45:00Z",
	} {
		t.Run("names the years for "+given, func(t *testing.T) {
			_, err := domain.ParseStart(given)
			require.EqualError(t, err, "Must be in the years 2000 to 9900, in UTC.")
		})
	}
	for _, given := range []string{"", "9999-12-31T23:45:01Z", "9999-12-31", "10000-01-01T00:00:00Z"} {
		t.Run("names the form for "+given, func(t *testing.T) {
			_, err := domain.ParseStart(given)
			require.ErrorContains(t, err, "Must be a whole minute with its offset from UTC")
		})
	}
}

func wrong(checks map[string]error) (names []string) {
	for name, err := range checks {
		if err != nil {
			names = append(names, name)
		}
	}
	return names
}

func TestChecksOfABooking(t *testing.T) {
	text := strings.Repeat
	for name, c := range map[string]struct {
		in    domain.Booking
		wrong []string
	}{
		"accepts no text":                     {domain.Booking{}, nil},
		"accepts the longest reason":          {domain.Booking{Reason: text("ä", 500)}, nil},
		"rejects a longer reason":             {domain.Booking{Reason: text("ä", 501)}, []string{"reason"}},
		"trims before it counts":              {domain.Booking{Reason: text(" ", 501)}, nil},
		"accepts the shortest reservation":    {domain.Booking{Hold: new(1)}, nil},
		"accepts the longest reservation":     {domain.Booking{Hold: new(15)}, nil},
		"rejects a reservation of no time":    {domain.Booking{Hold: new(0)}, []string{"hold_minutes"}},
		"rejects a longer reservation":        {domain.Booking{Hold: new(16)}, []string{"hold_minutes"}},
		"accepts the longest overbook reason": {domain.Booking{Overbook: new(text("ä", 200))}, nil},
		"rejects a longer overbook reason": {
			domain.Booking{Overbook: new(text("ä", 201))}, []string{"overbook_reason"},
		},
		"rejects an overbooked reservation": {domain.Booking{Hold: new(5), Overbook: new("x")}, []string{"hold"}},
		"reports every field that breaks a rule": {
			domain.Booking{Hold: new(0), Overbook: new(text("x", 201)), Reason: text("x", 501)},
			[]string{"hold", "hold_minutes", "overbook_reason", "reason"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.ElementsMatch(t, c.wrong, wrong(c.in.Checks()))
		})
	}
	in := domain.Booking{Reason: " Cough\n"}
	in.Checks()
	require.Equal(t, "Cough", in.Reason)
}

func TestChecksOfAMove(t *testing.T) {
	require.Empty(t, wrong((&domain.Move{}).Checks()))
	require.Empty(t, wrong((&domain.Move{Overbook: new(strings.Repeat("x", 200))}).Checks()))
	long := domain.Move{Overbook: new(strings.Repeat("x", 201))}
	require.Equal(t, []string{"overbook_reason"}, wrong(long.Checks()))
}
