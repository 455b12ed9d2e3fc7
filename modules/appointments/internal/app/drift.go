package app

import (
	"context"
	"fmt"
	"time"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/platform/timezone"
)

// Drifted is an appointment whose instant no longer has the promised wall clock time, because the rules of its time
// zone have changed since, or which cannot be compared.
type Drifted struct {
	domain.Appointment
	Shows string    // the wall clock time that the instant has now, as in domain.LocalLayout; "" with a Fault
	Keeps time.Time // the instant that has the promised wall clock time now; zero with a Fault
	Fault error     // why the times cannot be compared; nil if they were
}

// readAtOnce is the number of appointments that Drift reads at once.
const readAtOnce = 500

// Drift compares all open appointments that begin in the future, and calls found with those that have drifted. It calls
// compared with the number of appointments so far. It changes nothing. Errors: those of the store.
func (s *Service) Drift(ctx context.Context, compared func(int), found func(Drifted)) error {
	now, count := s.clock.Now(), 0
	var after appointments.ID
	for {
		page, err := s.appointments.Future(ctx, now, after, readAtOnce)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, a := range page {
			if drifted, has := driftOf(a); has {
				found(drifted)
			}
		}
		count += len(page)
		compared(count)
		after = page[len(page)-1].ID
	}
}

func driftOf(a domain.Appointment) (Drifted, bool) {
	zone, err := timezone.Load(a.TimeZone)
	if err != nil {
		return Drifted{Appointment: a, Fault: fmt.Errorf("the time zone %s is unknown", a.TimeZone)}, true
	}
	shows := a.StartsAt.In(zone).Format(domain.LocalLayout)
	if shows == a.LocalStart {
		return Drifted{}, false
	}
	promised, err := time.Parse(domain.LocalLayout, a.LocalStart)
	if err != nil {
		return Drifted{Appointment: a, Fault: fmt.Errorf("the stored local_start %q is malformed", a.LocalStart)}, true
	}
	date, minute := domain.WallClock(promised, time.UTC)
	return Drifted{Appointment: a, Shows: shows, Keeps: calendar.At(zone, date, minute)}, true
}
