package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

// Move moves an appointment to another time, doctor or type, in one step: it keeps its id, and loses its old time only
// if it gets the new one. Errors: those of Book for the new time, appointments.ErrNotFound, patients.ErrReadOnly,
// appointments.ErrHoldExpired, appointments.ErrTooLate, appointments.ErrStatus, revision.ErrStale; *SeriesConflicting
// for several appointments.
func (s *Service) Move(
	ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match, to domain.Move,
) (shown Shown, err error) {
	if err := errs.Fields(to.Checks()); err != nil {
		return shown, err
	}
	for attempt := range moveAttempts {
		err = s.tx.Do(ctx, func(ctx context.Context) error {
			shown, err = s.move(ctx, who, id, expected, to, attempt > 0)
			return err
		})
		if !errors.Is(err, revision.ErrStale) || to.Following { // moved in part, if the transaction goes on
			break
		}
	}
	if conflicting, is := errors.AsType[*SeriesConflicting](err); is {
		if failed := s.showSkipped(ctx, who, conflicting.Skipped); failed != nil {
			return shown, failed
		}
	}
	if err = s.explainConflicts(ctx, who, err); err == nil {
		err = s.showIgnored(ctx, who, &shown)
	}
	return shown, s.recordRefusal(ctx, who, id, err)
}

// moveAttempts is how often a move is tried that finds the appointment changed while it waited for the locks. If the
// client has named a version, the second attempt returns the error.
const moveAttempts = 3

// move moves an appointment. In a further attempt it locks the times before it reads the appointment, so that no other
// move comes between.
func (s *Service) move(
	ctx context.Context, who auth.Principal, id appointments.ID, expected revision.Match, to domain.Move, again bool,
) (shown Shown, err error) {
	now := s.clock.Now()
	before, by, err := s.changeable(ctx, who, id, now)
	if err == nil && again {
		before, err = s.lockMove(ctx, who, before, to)
	}
	if err != nil {
		return shown, err
	}
	if by.byPatient && to.Overbook != nil {
		return shown, appointments.ErrNotPatients
	}
	if to.Doctor != nil && !by.mayBookWith(who, *to.Doctor) {
		return shown, patients.ErrReadOnly
	}
	if err := expected.Check(before.Version); err != nil {
		return shown, err
	}
	lead, err := s.leadOf(ctx, before, by)
	if err != nil {
		return shown, err
	}
	if err := before.CheckMovable(by.byPatient, lead, now); err != nil {
		return shown, err
	}
	if before.Status == appointments.Held && to.Overbook != nil {
		return shown, errs.Invalidf("overbook_reason", "A reservation cannot be overbooked.")
	}
	moves := []movement{{before, to.Start}}
	if to.Following {
		if moves, err = s.movements(ctx, before, to); err != nil {
			return shown, err
		}
		if err := s.lock(ctx, who, before, doctorsOf(moves, to)...); err != nil {
			return shown, err
		}
	}
	var skipped []Skipped
	for _, one := range moves {
		to.Start = one.start
		moved, err := s.moveOne(ctx, who, one.Appointment, by, to, now)
		if one, is := skippedBy(err, one.start); is && to.Following {
			skipped = append(skipped, one)
			continue
		}
		if err != nil {
			return shown, err
		}
		if moved.ID == id {
			shown = moved
		}
	}
	if len(skipped) > 0 {
		return shown, &SeriesConflicting{withoutOwn(skipped, moves)}
	}
	return shown, nil
}

// withoutOwn returns the times that cannot be booked in their order, without the conflicts with the moved appointments
// themselves: these would have left their places.
func withoutOwn(skipped []Skipped, moves []movement) (rest []Skipped) {
	own := make(recordid.Set[appointments.ID])
	for _, one := range moves {
		own.Add(one.ID)
	}
	for _, one := range skipped {
		others := slices.DeleteFunc(slices.Clone(one.found), func(c domain.Conflict) bool { return own.Has(c.Of.ID) })
		if len(others) > 0 || len(one.found) == 0 {
			one.found = others
			rest = append(rest, one)
		}
	}
	if len(rest) == 0 {
		rest = skipped
	}
	slices.SortFunc(rest, func(a, b Skipped) int { return a.Start.Compare(b.Start) })
	return rest
}

// lockMove locks the new doctor against removal, and then the times that a move needs. It returns the appointment as it
// is then.
func (s *Service) lockMove(
	ctx context.Context, who auth.Principal, a domain.Appointment, to domain.Move,
) (domain.Appointment, error) {
	doctor := a.DoctorID
	if to.Doctor != nil {
		doctor = *to.Doctor
	}
	if _, err := s.doctors.Hold(ctx, doctor); err != nil {
		return a, err
	}
	if err := s.lock(ctx, who, a, doctor); err != nil {
		return a, err
	}
	return s.appointments.Find(ctx, a.ID)
}

// movement is the new start of an appointment.
type movement struct {
	domain.Appointment
	start time.Time
}

// movements returns the new starts of an appointment and of the later ones of its series: the clock on the wall of the
// doctor is moved by as much as for the first. They are in the order in which none is moved to the old time of another.
func (s *Service) movements(ctx context.Context, first domain.Appointment, to domain.Move) ([]movement, error) {
	moves, zones := []movement{{first, to.Start}}, map[doctors.ID]*time.Location{}
	zoneOf := func(a domain.Appointment) (zone *time.Location, err error) {
		doctor := a.DoctorID
		if to.Doctor != nil {
			doctor = *to.Doctor
		}
		if zones[doctor] == nil {
			zones[doctor], err = s.availability.Zone(ctx, &doctor)
		}
		return zones[doctor], err
	}
	zone, err := zoneOf(first)
	if err != nil {
		return nil, err
	}
	shift := domain.WallMinutes(to.Start, zone) - domain.WallMinutes(first.StartsAt, first.Local().Location())
	err = s.eachFollowing(ctx, first, func(a domain.Appointment) error {
		zone, err := zoneOf(a)
		if err != nil {
			return err
		}
		start := a.StartsAt
		if own := a.Local().Location(); shift != 0 || own.String() != zone.String() {
			start = domain.AtWall(domain.WallMinutes(start, own)+shift, zone)
		}
		moves = append(moves, movement{a, start})
		return nil
	})
	if to.Start.After(first.StartsAt) {
		slices.Reverse(moves)
	}
	return moves, err
}

// doctorsOf returns the doctors of the new places.
func doctorsOf(moves []movement, to domain.Move) (of []doctors.ID) {
	if to.Doctor != nil {
		return []doctors.ID{*to.Doctor}
	}
	for _, one := range moves {
		of = append(of, one.DoctorID)
	}
	return of
}

// moveOne moves an appointment to another place.
func (s *Service) moveOne(
	ctx context.Context, who auth.Principal, before domain.Appointment, by side, to domain.Move, now time.Time,
) (shown Shown, err error) {
	after, offered, ignored, err := s.placeElsewhere(ctx, who, before, by, to, now)
	if err != nil {
		return shown, err
	}
	after.Moved(by.byPatient, offered.of, now)
	_, err = s.appointments.Change(ctx, before.ID, func(a *domain.Appointment) error {
		if a.Version != before.Version { // changed while this request waited for the locks
			return revision.ErrStale
		}
		after.OwnerID = a.OwnerID // a transfer does not change the version
		*a = after
		return nil
	})
	if err != nil {
		return shown, err
	}
	if err := s.publish(ctx, who, after, appointments.WasMoved); err != nil {
		return shown, err
	}
	shown = Shown{
		Appointment: after, Patient: by.patient, Doctor: &offered.doctor, Type: offered.of, AsPatient: by.byPatient,
		ignored: ignored,
	}
	entry := newEntry(audit.Update, after, by.reason())
	entry.Fields = differing(before, after)
	return shown, s.trail.Record(ctx, who, entry)
}

// placeElsewhere returns the appointment at its new place, which is locked, and the ignored conflicts.
func (s *Service) placeElsewhere(
	ctx context.Context, who auth.Principal, before domain.Appointment, by side, to domain.Move, now time.Time,
) (after domain.Appointment, offered offer, ignored []domain.Conflict, err error) {
	doctor, kind := before.DoctorID, before.TypeID
	if to.Doctor != nil {
		doctor = *to.Doctor
	}
	if to.Type != nil {
		kind = *to.Type
	}
	if offered, err = s.offered(ctx, doctor, kind, to.Start, by.byPatient, to.Type == nil); err != nil {
		return after, offered, nil, err
	}
	after = before
	after.Place(doctor, offered.of, to.Start, offered.rules.Zone)
	how := placing{offer: offered, overbook: to.Overbook, byPatient: by.byPatient, now: now}
	ignored, err = s.place(ctx, who, &after, how)
	return after, offered, ignored, err
}
