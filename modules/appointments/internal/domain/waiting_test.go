package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/patients"
	"healthcare/platform/recordid"
)

var (
	noon  = time.Date(2026, time.November, 30, 12, 0, 0, 0, time.UTC)
	today = calendar.DateOf(noon, time.UTC)
)

func moment(now time.Time) domain.Moment {
	return domain.Moment{Now: now, Today: calendar.DateOf(now, time.UTC)}
}

// newWaiting returns an entry for today and the next two days.
func newWaiting() domain.WaitingEntry {
	in := domain.WaitingInput{From: today, To: today.AddDays(2), PartOfDay: "any"}
	return domain.NewWaitingEntry(patients.Patient{}, in, uuid.New(), noon)
}

func newHold() domain.Appointment {
	hold := domain.New(patients.Patient{}, "", uuid.New(), noon)
	hold.Reserve(noon.Add(30 * time.Minute))
	return hold
}

// newOffered returns an entry with an offer.
func newOffered(t *testing.T) (domain.WaitingEntry, domain.Appointment) {
	t.Helper()
	entry, hold := newWaiting(), newHold()
	require.NoError(t, entry.Offer(hold, moment(noon)))
	return entry, hold
}

func TestWaitingInput(t *testing.T) {
	for name, c := range map[string]struct {
		days   int
		part   string
		fields []string
	}{
		"one day":                        {0, "any", nil},
		"a leap year":                    {365, "", nil},
		"a day more":                     {366, "", []string{"to_on"}},
		"the last day before the first":  {-1, "", []string{"to_on"}},
		"a part of day in another case":  {0, " Morning ", nil},
		"an unknown part of the day":     {0, "night", []string{"part_of_day"}},
		"all fields that violate a rule": {-1, "night", []string{"to_on", "part_of_day"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := domain.WaitingInput{From: today, To: today.AddDays(c.days), PartOfDay: c.part}
			var wrong []string
			for field, err := range in.Checks() {
				if err != nil {
					wrong = append(wrong, field)
				}
			}
			require.ElementsMatch(t, c.fields, wrong)
			if c.fields == nil {
				require.Contains(t, domain.PartsOfDay, domain.PartOfDay(in.PartOfDay))
			}
		})
	}
	t.Run("the last day may be today, but not in the past", func(t *testing.T) {
		in := domain.WaitingInput{From: today, To: today}
		require.NoError(t, in.CheckLastDay(today))
		require.Error(t, in.CheckLastDay(today.AddDays(1)))
	})
}

func TestOfferInput(t *testing.T) {
	for minutes, valid := range map[int]bool{0: false, 1: true, 240: true, 241: false} {
		require.Equal(t, valid, domain.OfferInput{Minutes: minutes}.Checks()["minutes"] == nil, minutes)
	}
}

func TestWaitingEntry(t *testing.T) {
	t.Run("an offer ends when its reservation expires, without a new version", func(t *testing.T) {
		entry, hold := newOffered(t)
		version := entry.Version
		entry.Settle(moment(hold.ExpiresAt.Add(-time.Microsecond)))
		require.Equal(t, domain.IsOffered, entry.State)
		require.Equal(t, hold.ID, entry.AppointmentID)
		entry.Settle(moment(hold.ExpiresAt))
		require.Equal(t, domain.IsWaiting, entry.State)
		require.Zero(t, entry.AppointmentID)
		require.Zero(t, entry.OfferedUntil)
		require.Equal(t, version, entry.Version)
	})
	t.Run("an entry passes after its last day, also if it had an offer", func(t *testing.T) {
		waiting := newWaiting()
		waiting.Settle(moment(noon.AddDate(0, 0, 2)))
		require.Equal(t, domain.IsWaiting, waiting.State)
		waiting.Settle(moment(noon.AddDate(0, 0, 3)))
		require.Equal(t, domain.HasPassed, waiting.State)
		offered, _ := newOffered(t)
		offered.Settle(moment(noon.AddDate(0, 0, 3)))
		require.Equal(t, domain.HasPassed, offered.State)
	})
	t.Run("an offer that has not expired remains after the last day", func(t *testing.T) {
		entry, hold := newWaiting(), newHold()
		hold.ExpiresAt = noon.AddDate(0, 0, 3)
		require.NoError(t, entry.Offer(hold, moment(noon)))
		entry.Settle(moment(hold.ExpiresAt.Add(-time.Microsecond)))
		require.Equal(t, domain.IsOffered, entry.State)
	})
	t.Run("a second offer is possible only after the first has expired", func(t *testing.T) {
		entry, hold := newOffered(t)
		version := entry.Version
		require.ErrorIs(t, entry.Offer(newHold(), moment(noon)), appointments.ErrNotWaiting)
		require.Equal(t, version, entry.Version)
		second := newHold()
		second.Reserve(hold.ExpiresAt.Add(time.Hour))
		require.NoError(t, entry.Offer(second, moment(hold.ExpiresAt)))
		require.Equal(t, second.ID, entry.AppointmentID)
		require.Equal(t, version+1, entry.Version)
	})
	t.Run("leaving ends an entry that waits or has an offer", func(t *testing.T) {
		waiting := newWaiting()
		require.NoError(t, waiting.Leave(moment(noon)))
		require.Equal(t, domain.HasLeft, waiting.State)
		require.ErrorIs(t, waiting.Leave(moment(noon)), appointments.ErrNotWaiting, "it has left")
		require.ErrorIs(t, waiting.Offer(newHold(), moment(noon)), appointments.ErrNotWaiting)
		offered, _ := newOffered(t)
		require.NoError(t, offered.Leave(moment(noon)))
		require.Zero(t, offered.AppointmentID)
		passed := newWaiting()
		require.ErrorIs(t, passed.Leave(moment(noon.AddDate(0, 0, 3))), appointments.ErrNotWaiting)
	})
}

func TestFollow(t *testing.T) {
	const (
		held, pending, booked = appointments.Held, appointments.Pending, appointments.Booked
		cancelled, voided     = appointments.Cancelled, appointments.EnteredInError
	)
	for name, c := range map[string]struct {
		statuses []appointments.Status // of the appointment, after it was held
		want     domain.WaitingState
		changes  int
	}{
		"a confirmed reservation":        {[]appointments.Status{booked}, domain.IsBooked, 1},
		"a requested one":                {[]appointments.Status{pending}, domain.IsBooked, 1},
		"a request that is accepted":     {[]appointments.Status{pending, booked}, domain.IsBooked, 1},
		"a request that is declined":     {[]appointments.Status{pending, cancelled}, domain.IsWaiting, 2},
		"a cancelled reservation":        {[]appointments.Status{cancelled}, domain.IsWaiting, 1},
		"a void reservation":             {[]appointments.Status{voided}, domain.IsWaiting, 1},
		"a booked one that is cancelled": {[]appointments.Status{booked, cancelled}, domain.IsBooked, 1},
		"a booked one that is void":      {[]appointments.Status{booked, voided}, domain.IsWaiting, 2},
		"a cancelled one that is void":   {[]appointments.Status{cancelled, voided}, domain.IsWaiting, 1},
		"an expired reservation":         {[]appointments.Status{held}, domain.IsOffered, 0},
		"one that is booked and fulfilled": {
			[]appointments.Status{booked, appointments.Arrived, appointments.Fulfilled}, domain.IsBooked, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			entry, before := newOffered(t)
			version := entry.Version
			for _, status := range c.statuses {
				after := before
				after.Status = status
				entry.Follow(before, after, noon)
				before = after
			}
			require.Equal(t, c.want, entry.State)
			require.Equal(t, version+c.changes, entry.Version)
			require.Equal(t, c.want == domain.IsWaiting, entry.AppointmentID == appointments.ID{})
			require.Equal(t, c.want == domain.IsOffered, !entry.OfferedUntil.IsZero())
		})
	}
	t.Run("another appointment changes nothing", func(t *testing.T) {
		entry, before := newOffered(t)
		before.ID = recordid.New[appointments.ID]()
		after := before
		after.Status = booked
		entry.Follow(before, after, noon)
		require.Equal(t, domain.IsOffered, entry.State)
	})
	t.Run("an entry that has left stays so", func(t *testing.T) {
		entry, before := newOffered(t)
		require.NoError(t, entry.Leave(moment(noon)))
		after := before
		after.Status = booked
		entry.Follow(before, after, noon)
		require.Equal(t, domain.HasLeft, entry.State)
	})
}

func TestFitOf(t *testing.T) {
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	local := func(hour, minute int) time.Time {
		return time.Date(2026, time.December, 1, hour, minute, 0, 0, kolkata)
	}
	for start, want := range map[time.Time]domain.PartOfDay{
		local(0, 0): domain.Morning, local(11, 59): domain.Morning,
		local(12, 0): domain.Afternoon, local(16, 59): domain.Afternoon,
		local(17, 0): domain.Evening, local(23, 59): domain.Evening,
	} {
		a := domain.Appointment{StartsAt: start.UTC(), TimeZone: "Asia/Kolkata"}
		fit := domain.FitOf(a)
		require.Equal(t, want, fit.PartOfDay, start)
		require.Equal(t, "2026-12-01", fit.On.String(), "the date on the wall clock of %s", start)
	}
}
