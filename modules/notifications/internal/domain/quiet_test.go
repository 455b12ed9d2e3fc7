package domain_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/notifications/internal/domain"
)

func location(t require.TestingT, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	require.NoError(t, err)
	return zone
}

func TestParseQuietHours(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"21:00-08:00", "00:00-07:30", "12:00-13:00", "none"} {
		parsed, err := domain.ParseQuietHours(text)
		require.NoError(t, err)
		require.Equal(t, text, parsed.String())
	}
	for _, text := range []string{
		"", "21:00", "21:00-", "24:00-08:00", "21-8", "08:00-08:00", "21:00-08:00 ", "9:00-10:00", "00:00-23:59",
	} {
		_, err := domain.ParseQuietHours(text)
		require.Error(t, err, text)
	}
}

func TestReminderAt(t *testing.T) {
	t.Parallel()
	berlin := location(t, "Europe/Berlin")
	for name, test := range map[string]struct{ quiet, starts, want string }{
		"a day before":                       {"21:00-08:00", "2026-07-02 14:00", "2026-07-01 14:00"},
		"the evening before, of a morning":   {"21:00-08:00", "2026-07-02 07:30", "2026-06-30 20:45"},
		"the same evening, of a late one":    {"21:00-08:00", "2026-07-02 23:00", "2026-07-01 20:45"},
		"at the begin of quiet hours":        {"21:00-08:00", "2026-07-02 21:00", "2026-07-01 20:45"},
		"at their end":                       {"21:00-08:00", "2026-07-02 08:00", "2026-07-01 08:00"},
		"in quiet hours at noon":             {"12:00-14:00", "2026-07-02 13:00", "2026-07-01 11:45"},
		"without quiet hours":                {"none", "2026-07-02 03:00", "2026-07-01 03:00"},
		"after the change to summer time":    {"21:00-08:00", "2026-03-29 12:00", "2026-03-28 11:00"},
		"quiet hours that end in the change": {"21:00-02:30", "2026-03-30 02:00", "2026-03-28 20:45"},
		"after the change to winter time":    {"21:00-08:00", "2026-10-25 12:00", "2026-10-24 13:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quiet, err := domain.ParseQuietHours(test.quiet)
			require.NoError(t, err)
			starts, err := time.ParseInLocation("2006-01-02 15:04", test.starts, berlin)
			require.NoError(t, err)
			require.Equal(t, test.want, quiet.ReminderAt(starts, berlin).In(berlin).Format("2006-01-02 15:04"))
		})
	}
}

// For any quiet hours, zone and time: a reminder is never due in quiet hours, at most a day and the quiet hours before
// the appointment, and never before it is looked at first.
func TestReminderNeverInQuietHours(t *testing.T) {
	t.Parallel()
	zones := []string{"Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo"}
	rapid.Check(t, func(t *rapid.T) {
		zone := location(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		from := rapid.IntRange(0, 1439).Draw(t, "from")
		to := (from + rapid.IntRange(1, 1200).Draw(t, "length")) % 1440
		quiet := domain.QuietHours{From: from, To: to}
		starts := time.Unix(rapid.Int64Range(1.7e9, 2.2e9).Draw(t, "start"), 0).UTC()
		due := quiet.ReminderAt(starts, zone)
		require.False(t, due.Before(domain.EarliestReminder(starts)))
		require.False(t, due.After(starts.Add(-24*time.Hour)))
		local := due.In(zone)
		minute := local.Hour()*60 + local.Minute()
		inside := from < to && from <= minute && minute < to || from > to && (minute >= from || minute < to)
		_, offsetAt := local.Zone()
		_, offsetBefore := local.Add(-3 * time.Hour).Zone()
		_, offsetAfter := local.Add(3 * time.Hour).Zone()
		if offsetAt == offsetBefore && offsetAt == offsetAfter { // clocks that go back repeat an hour
			require.False(t, inside, fmt.Sprint(local, quiet))
		}
	})
}

func TestRemind(t *testing.T) {
	t.Parallel()
	berlin := location(t, "Europe/Berlin")
	quiet := domain.QuietHours{From: 21 * 60, To: 8 * 60}
	at := func(hour int) time.Time { return time.Date(2026, 7, 1, hour, 0, 0, 0, berlin) }
	longAgo := at(-1000)
	for name, test := range map[string]struct {
		starts, changed, now time.Time
		want                 domain.Reminder
	}{
		"too early":                            {at(36), longAgo, at(11), domain.Reminder{Due: at(12).UTC()}},
		"in time":                              {at(36), longAgo, at(12), domain.Reminder{Send: true}},
		"late, after an outage":                {at(36), longAgo, at(20), domain.Reminder{Send: true}},
		"late and at night":                    {at(36), longAgo, at(23), domain.Reminder{Due: at(32).UTC()}},
		"at night before an early appointment": {at(32), longAgo, at(23), domain.Reminder{Send: true}},
		"after the start":                      {at(36), longAgo, at(36), domain.Reminder{Reason: domain.CodeExpired}},
		"booked after that time":               {at(36), at(13), at(13), domain.Reminder{Reason: domain.CodeOutdated}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, quiet.Remind(test.starts, test.changed, test.now, berlin))
		})
	}
}
