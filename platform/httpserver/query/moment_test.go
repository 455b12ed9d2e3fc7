package query

import (
	"testing"
	"time"
	_ "time/tzdata" // so that the zones exist on every machine

	"github.com/stretchr/testify/require"
)

func TestStartOfDay(t *testing.T) {
	for _, c := range []struct{ zone, day, want, why string }{
		{"UTC", "2026-01-01", "2026-01-01T00:00:00Z", "midnight"},
		{"Asia/Kolkata", "2026-01-01", "2025-12-31T18:30:00Z", "half an hour"},
		{"Pacific/Kiritimati", "2026-01-01", "2025-12-31T10:00:00Z", "the easternmost zone"},
		{"Etc/GMT+12", "2026-01-01", "2026-01-01T12:00:00Z", "the westernmost zone"},
		{"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", "a day that loses an hour after midnight"},
		{"Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00Z", "the day after"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", "a day without midnight, which begins at 01:00"},
		{"America/Sao_Paulo", "2018-11-05", "2018-11-05T02:00:00Z", "the day after"},
		{"America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z", "midnight that is turned back to 23:00"},
		{"Asia/Beirut", "2022-03-27", "2022-03-26T22:00:00Z", "another day without midnight"},
		{"America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", "a day with two midnights, which begins at the first"},
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", "a day that the zone skips"},
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "the day after it"},
		{"Asia/Kolkata", "1850-01-01", "1849-12-31T18:06:32Z", "local mean time, with seconds"},
	} {
		t.Run(c.day+" in "+c.zone+": "+c.why, func(t *testing.T) {
			zone, err := time.LoadLocation(c.zone)
			require.NoError(t, err)
			day, err := time.Parse(time.DateOnly, c.day)
			require.NoError(t, err)
			require.Equal(t, c.want, startOfDay(day, zone).UTC().Format(time.RFC3339))
		})
	}
}

func TestMoments(t *testing.T) {
	india, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	reader := Reader{Zone: india}
	for sent, want := range map[string]string{
		"2026-01-01": "2025-12-31T18:30:00Z", "2026-01-01T10:00:00Z": "2026-01-01T10:00:00Z",
		"2026-01-01T10:00:00+05:30":        "2026-01-01T10:00:00+05:30",
		"2026-01-01T10:00:00 05:30":        "2026-01-01T10:00:00+05:30",
		"2026-01-01T10:00:00.123456 05:30": "2026-01-01T10:00:00.123456+05:30",
		"2026-01-01T10:00:00-03:00":        "2026-01-01T10:00:00-03:00",
	} {
		t.Run("["+sent+"] is "+want, func(t *testing.T) {
			got, err := reader.moment(sent)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	const plus, zone, letters = "as %2B", "time zone is missing", "upper case"
	const between, year = "Write T", "between 1 and 9999"
	for sent, want := range map[string]string{
		"2026-01-01T10:00:00  05:30": plus, " 2026-01-01T10:00:00 05:30": "", "2026-01-01T10:00:00 0530": plus,
		"2026-01-01 10:00:00 05:30": plus,
		"2026-01-01T10:00:00":       zone, "2026-01-01T10:00": zone, "2026-01-01 10:00:00": zone,
		"2026-01-01t10:00:00Z": letters, "2026-01-01T10:00:00z": letters,
		"2026-01-01 10:00:00Z": between, "0000-12-31T00:00:00Z": year, "0001-01-01": year, "2026-02-30": "",
		"2026-1-1": "", "20260101": "", "yesterday": "",
		"2026-13-01T00:00:00Z": "", "2026-01-01T24:00:00Z": "", " ": "", "2026-01-01T10:00:00 99:99": plus,
		"1767225600": "",
	} {
		t.Run("["+sent+"] is rejected with a hint", func(t *testing.T) {
			_, err := reader.moment(sent)
			require.ErrorContains(t, err, "Must be a date, or a time such as ")
			require.ErrorContains(t, err, want)
			if want == "" {
				require.Equal(t, timeFormat, err.Error())
			}
		})
	}
	t.Run("strict handling restores no plus sign and describes how to write it", func(t *testing.T) {
		_, err := Reader{Strict: true}.moment("2026-01-01T10:00:00 05:30")
		require.ErrorContains(t, err, plus)
	})
}
