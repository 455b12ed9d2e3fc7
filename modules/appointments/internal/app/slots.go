package app

import (
	"context"
	"net/http"
	"slices"
	"time"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

const (
	// MaxSlotDoctors is the maximum number of doctors whose free times are computed at once.
	MaxSlotDoctors = 50
	// maxDoctorDays bounds the appointments that one request reads: days multiplied by doctors.
	maxDoctorDays = 400
	// daysOfSlots is the number of days by default.
	daysOfSlots = 7
	// doctorDays is the number of days multiplied by doctors whose appointments are read first. Each further read is of
	// twice as many, so that a response that ends early reads little, and a long one needs few reads.
	doctorDays = 62
)

// SlotsQuery selects free times.
type SlotsQuery struct {
	Type     domain.TypeID
	Doctors  []doctors.ID   // empty: all who have opening hours
	From, To *calendar.Date // in the time zones of the doctors, both included; nil: from today, a week
	Zone     *time.Location // in which the times are shown; nil: those of the doctors
	Patient  *patients.ID   // whose appointments are busy as well
	After    time.Time      // on the first day only times after it; zero: all
	Limit    int            // of free times: the answer ends with the start at which it is reached
}

// Slots are the free times of some days.
type Slots struct {
	Zone *time.Location
	Days []SlotDay
	Last calendar.Date // the last day of the query
	Next *SlotsNext    // where the answer could go on; nil: complete
}

// SlotsNext is where an answer could go on: From and After of the next query.
type SlotsNext struct {
	From  calendar.Date
	After time.Time
}

// SlotDay is a day and its free times. Reason is why it has none.
type SlotDay struct {
	Date   calendar.Date
	Reason calendar.Reason
	Slots  []DoctorSlot
}

// DoctorSlot is a free time of a doctor.
type DoctorSlot struct {
	Doctor doctors.ID
	Local  time.Time // the start, in the zone in which it is shown
	Free   int       // seats
}

// FreeTimes computes free times. Errors: errs.Invalid, appointments.ErrTypeNotFound, appointments.ErrNotBookable,
// doctors.ErrNotFound, patients.ErrNotFound.
func (s *Service) FreeTimes(ctx context.Context, who auth.Principal, q SlotsQuery) (Slots, error) {
	now := s.clock.Now()
	reason, err := s.checkSlotsPatient(ctx, who, q.Patient, now)
	if err != nil {
		return Slots{}, err
	}
	of, err := s.types.Find(ctx, q.Type)
	switch {
	case err != nil:
		return Slots{}, err
	case who.Role == patients.Role && (!of.Active || !of.ForPatients):
		return Slots{}, appointments.ErrTypeNotFound
	case !of.Active:
		return Slots{}, appointments.ErrNotBookable
	}
	if q.Doctors, err = s.slotDoctors(ctx, q.Doctors); err != nil {
		return Slots{}, err
	}
	first, last := q.days(now)
	if err := checkWidth(first, last, len(q.Doctors)); err != nil {
		return Slots{}, err
	}
	rules, err := s.availability.Rules(ctx, q.Doctors, first.AddDays(-1), last.AddDays(1))
	if err != nil {
		return Slots{}, err
	}
	free, err := s.compute(ctx, q, of, rules, first, last, now)
	if err != nil || q.Patient == nil {
		return free, err
	}
	page := audit.Entry{Action: audit.List, Resource: resource, PatientID: q.Patient.UUID, Reason: reason}
	return free, s.trail.Record(ctx, who, audit.NewListEntries(page, nil)...)
}

// checkSlotsPatient returns the reason for which the user may see the patient. Errors: patients.ErrNotFound.
func (s *Service) checkSlotsPatient(
	ctx context.Context, who auth.Principal, id *patients.ID, now time.Time,
) (auth.Reason, error) {
	if id == nil {
		return auth.Reason{}, nil
	}
	found, err := s.patients.Find(ctx, patients.VisibleTo(who, now), *id)
	return found.Reason, s.recordMissingPatient(ctx, who, id.UUID, http.StatusNotFound, err)
}

// slotDoctors returns the given doctors, who must exist, or all who have opening hours. Errors: doctors.ErrNotFound,
// errs.Invalid.
func (s *Service) slotDoctors(ctx context.Context, given []doctors.ID) ([]doctors.ID, error) {
	if len(given) > 0 {
		given = unique(given) // also one in two letter cases
		found, err := s.doctors.FindAll(ctx, given)
		if err == nil && slices.ContainsFunc(given, func(id doctors.ID) bool { _, ok := found[id]; return !ok }) {
			err = doctors.ErrNotFound
		}
		return given, err
	}
	all, err := s.availability.Open(ctx, MaxSlotDoctors+1)
	if err == nil && len(all) > MaxSlotDoctors {
		err = errs.Invalidf("doctor", "More than %d doctors have opening hours. Name some of them.", MaxSlotDoctors)
	}
	return all, err
}

// unique returns the ids in their order, each once.
func unique(ids []doctors.ID) (once []doctors.ID) {
	seen := make(recordid.Set[doctors.ID])
	for _, id := range ids {
		if !seen.Has(id) {
			seen.Add(id)
			once = append(once, id)
		}
	}
	return once
}

// days returns the first and the last day.
func (q SlotsQuery) days(now time.Time) (first, last calendar.Date) {
	first = calendar.DateOf(now, time.UTC)
	if q.From != nil {
		first = *q.From
	}
	last = first.AddDays(daysOfSlots - 1)
	if q.To != nil {
		last = *q.To
	}
	return first, last
}

func checkWidth(first, last calendar.Date, of int) error {
	switch days := int(last-first) + 1; {
	case days < 1:
		return errs.Invalidf("to", "Must not be before from.")
	case days*max(of, 1) > maxDoctorDays:
		wide := errs.Invalidf("to", "Days multiplied by doctors must be at most %d; these are %d.", maxDoctorDays,
			days*max(of, 1))
		wide.Code = appointments.ErrSlotsTooWide.Code
		return wide
	}
	return nil
}

// compute returns the free times of the days. It reads the appointments of some days at a time, and stops after the
// start at which the limit is reached.
func (s *Service) compute(
	ctx context.Context, q SlotsQuery, of domain.Type, rules map[doctors.ID]calendar.Rules, first, last calendar.Date,
	now time.Time,
) (free Slots, err error) {
	free.Zone, free.Last = q.Zone, last
	if free.Zone == nil {
		free.Zone = time.UTC
		if len(q.Doctors) > 0 {
			free.Zone = rules[q.Doctors[0]].Zone
		}
	}
	count, atOnce := 0, max(1, doctorDays/max(1, len(q.Doctors)))
	for from := first; from <= last; from, atOnce = from.AddDays(atOnce), 2*atOnce {
		to := min(from.AddDays(atOnce-1), last)
		some, err := s.between(ctx, q, of, rules, from, to, now)
		if err != nil {
			return Slots{}, err
		}
		for _, day := range some {
			if day.Date == first {
				day.omitUntil(q.After)
			}
			cut := day.cut(q.Limit - count)
			free.Days = append(free.Days, day)
			switch count += len(day.Slots); {
			case cut:
				free.Next = &SlotsNext{day.Date, day.Slots[len(day.Slots)-1].Local}
				return free, nil
			case count >= q.Limit && day.Date < last:
				free.Next = &SlotsNext{From: day.Date.AddDays(1)}
				return free, nil
			}
		}
	}
	return free, nil
}

// between returns the free times of the days from..to.
func (s *Service) between(
	ctx context.Context, q SlotsQuery, of domain.Type, rules map[doctors.ID]calendar.Rules, from, to calendar.Date,
	now time.Time,
) ([]SlotDay, error) {
	length := calendar.Length{Minutes: of.Minutes, Before: of.BufferBefore, After: of.BufferAfter}
	var reach calendar.Span
	for _, id := range q.Doctors {
		own := rules[id].Reach(from, to, length)
		if reach.From.IsZero() || own.From.Before(reach.From) {
			reach.From = own.From
		}
		if own.To.After(reach.To) {
			reach.To = own.To
		}
	}
	blocks, visits, err := s.appointments.BusyTimes(ctx, q.Doctors, q.Patient, reach.From, reach.To, now)
	if err != nil {
		return nil, err
	}
	days := make([]SlotDay, to-from+1)
	for i := range days {
		days[i].Date = from.AddDays(i)
	}
	for _, id := range q.Doctors {
		offered := offer{doctor: doctors.Doctor{ID: id}, of: of, rules: rules[id]}
		query := offered.query(now)
		query.Busy, query.PatientBusy = blocks[id], visits
		zone := q.Zone
		if zone == nil {
			zone = rules[id].Zone
		}
		for day := range rules[id].Days(from, to, query) {
			days[day.Date-from].add(id, day, zone)
		}
	}
	for i := range days {
		days[i].sort()
	}
	return days, nil
}

// reasons lists the reasons of days without free times. That of several doctors is the first that one of them has.
var reasons = []calendar.Reason{
	calendar.FullyBooked, calendar.LeadTime, calendar.Holiday, calendar.NoAvailability, calendar.BeyondHorizon,
}

func (d *SlotDay) add(doctor doctors.ID, day calendar.Day, zone *time.Location) {
	for _, slot := range day.Slots {
		d.Slots = append(d.Slots, DoctorSlot{Doctor: doctor, Local: slot.Start.In(zone), Free: slot.Free})
	}
	rank := func(reason calendar.Reason) int { return slices.Index(reasons, reason) }
	if day.Reason != "" && (d.Reason == "" || rank(day.Reason) < rank(d.Reason)) {
		d.Reason = day.Reason
	}
}

// omitUntil omits the free times up to a time, which an earlier answer has. Zero omits none.
func (d *SlotDay) omitUntil(until time.Time) {
	if until.IsZero() || len(d.Slots) == 0 {
		return
	}
	d.Slots = slices.DeleteFunc(d.Slots, func(slot DoctorSlot) bool { return !slot.Local.After(until) })
	if len(d.Slots) == 0 {
		d.Reason = calendar.FullyBooked // meanwhile
	}
}

// cut omits the free times after the start at which the limit is reached. It reports whether there are any.
func (d *SlotDay) cut(limit int) bool {
	end := limit
	for end < len(d.Slots) && d.Slots[end].Local.Equal(d.Slots[end-1].Local) {
		end++ // of other doctors
	}
	if end >= len(d.Slots) {
		return false
	}
	d.Slots = d.Slots[:end]
	return true
}

// sort brings the free times of several doctors into the order of time.
func (d *SlotDay) sort() {
	slices.SortStableFunc(d.Slots, func(a, b DoctorSlot) int { return a.Local.Compare(b.Local) })
	if len(d.Slots) > 0 {
		d.Reason = ""
	} else if d.Reason == "" {
		d.Reason = calendar.NoAvailability // no doctor was asked
	}
}
