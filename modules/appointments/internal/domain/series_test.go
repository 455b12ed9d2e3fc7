package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments/internal/domain"
)

func TestChecksOfARepetition(t *testing.T) {
	good := domain.Repetition{Frequency: " Weekly ", Interval: 1, Count: 2}
	require.Empty(t, wrong(good.Checks()))
	require.Equal(t, "weekly", good.Frequency)
	for name, c := range map[string]struct {
		repeat domain.Repetition
		wrong  []string
	}{
		"accepts the largest values": {domain.Repetition{Frequency: "monthly", Interval: 4, Count: 52}, nil},
		"rejects larger ones": {
			domain.Repetition{Frequency: "daily", Interval: 5, Count: 53}, []string{"interval", "count"},
		},
		"rejects no repetition": {
			domain.Repetition{Frequency: "daily", Interval: 0, Count: 1}, []string{"interval", "count"},
		},
		"rejects another frequency": {
			domain.Repetition{Frequency: "yearly", Interval: 1, Count: 2}, []string{"frequency"},
		},
		"rejects a missing frequency": {domain.Repetition{Interval: 1, Count: 2}, []string{"frequency"}},
	} {
		t.Run(name, func(t *testing.T) { require.ElementsMatch(t, c.wrong, wrong(c.repeat.Checks())) })
	}
}

// TestStartsOfASeries compares the starts on the wall clock.
func TestStartsOfASeries(t *testing.T) {
	for name, c := range map[string]struct {
		zone, first string
		repeat      domain.Repetition
		want        []string
	}{
		"every day, as summer time begins": {
			"Europe/Berlin", "2026-03-28T09:00:00+01:00", domain.Repetition{Frequency: "daily", Interval: 1, Count: 3},
			[]string{"2026-03-28T09:00:00+01:00", "2026-03-29T09:00:00+02:00", "2026-03-30T09:00:00+02:00"},
		},
		"every third day": {
			"Asia/Kolkata", "2026-12-30T09:00:00+05:30", domain.Repetition{Frequency: "daily", Interval: 3, Count: 3},
			[]string{"2026-12-30T09:00:00+05:30", "2027-01-02T09:00:00+05:30", "2027-01-05T09:00:00+05:30"},
		},
		"every week, as summer time ends": {
			"America/New_York", "2026-10-26T09:00:00-04:00",
			domain.Repetition{Frequency: "weekly", Interval: 1, Count: 3},
			[]string{"2026-10-26T09:00:00-04:00", "2026-11-02T09:00:00-05:00", "2026-11-09T09:00:00-05:00"},
		},
		"every other week, whose date differs in UTC": {
			"Pacific/Auckland", "2026-09-23T00:30:00+12:00",
			domain.Repetition{Frequency: "weekly", Interval: 2, Count: 2},
			[]string{"2026-09-23T00:30:00+12:00", "2026-10-07T00:30:00+13:00"},
		},
		"every month, without those that have no 31st": {
			"Europe/Berlin", "2026-01-31T09:00:00+01:00",
			domain.Repetition{Frequency: "monthly", Interval: 1, Count: 4},
			[]string{
				"2026-01-31T09:00:00+01:00", "2026-03-31T09:00:00+02:00", "2026-05-31T09:00:00+02:00",
				"2026-07-31T09:00:00+02:00",
			},
		},
		"every month, across the end of a year": {
			"UTC", "2026-12-15T09:00:00Z", domain.Repetition{Frequency: "monthly", Interval: 1, Count: 2},
			[]string{"2026-12-15T09:00:00Z", "2027-01-15T09:00:00Z"},
		},
		"every fourth month of a leap day": {
			"UTC", "2028-02-29T09:00:00Z", domain.Repetition{Frequency: "monthly", Interval: 4, Count: 4},
			[]string{"2028-02-29T09:00:00Z", "2028-06-29T09:00:00Z", "2028-10-29T09:00:00Z", "2029-06-29T09:00:00Z"},
		},
		"a time that is missing is that of the jump": {
			"Europe/Berlin", "2026-03-28T02:30:00+01:00", domain.Repetition{Frequency: "daily", Interval: 1, Count: 3},
			[]string{"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"},
		},
		"a time that is repeated is the first": {
			"Europe/Berlin", "2026-10-24T02:30:00+02:00", domain.Repetition{Frequency: "daily", Interval: 1, Count: 3},
			[]string{"2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
		},
		"the first start stays, though its time is repeated": {
			"Europe/Berlin", "2026-10-25T02:30:00+01:00", domain.Repetition{Frequency: "daily", Interval: 1, Count: 2},
			[]string{"2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"},
		},
		"midnight, where it is missing on a day": {
			"America/Santiago", "2026-09-05T00:00:00-04:00",
			domain.Repetition{Frequency: "daily", Interval: 1, Count: 3},
			[]string{"2026-09-05T00:00:00-04:00", "2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			first, err := domain.ParseStart(c.first)
			require.NoError(t, err)
			in := zone(t, c.zone)
			var got []string
			for _, start := range c.repeat.Starts(first, in) {
				got = append(got, start.In(in).Format(time.RFC3339))
			}
			require.Equal(t, c.want, got)
		})
	}
	t.Run("the longest series of each frequency ends", func(t *testing.T) {
		for _, frequency := range []string{"daily", "weekly", "monthly"} {
			first := time.Date(2028, time.February, 29, 9, 0, 0, 0, time.UTC)
			repeat := domain.Repetition{Frequency: frequency, Interval: 4, Count: domain.MaxCount}
			starts := repeat.Starts(first, time.UTC)
			require.Len(t, starts, domain.MaxCount)
			for i, start := range starts {
				require.Equal(t, 9, start.Hour())
				require.True(t, i == 0 || start.After(starts[i-1]))
			}
		}
	})
}
