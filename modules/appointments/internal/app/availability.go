package app

import (
	"context"
	"errors"
	"net/http"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// availabilityResource is the audit resource of opening hours, declared in openapi.yaml. Its id is that of the doctor.
const availabilityResource audit.Resource = "Availability"

// Availability implements the use cases of the opening hours of doctors and of the holidays of the practice.
type Availability struct {
	availability ports.Availability
	types        ports.Types
	doctors      doctors.Directory
	trail        audit.Recorder
	tx           tx.Runner
	clock        clock.Clock
}

// NewAvailability returns an Availability.
func NewAvailability(
	repository ports.Availability, types ports.Types, directory doctors.Directory, trail audit.Recorder,
	runner tx.Runner, clk clock.Clock,
) *Availability {
	return &Availability{
		availability: repository, types: types, doctors: directory, trail: trail, tx: runner, clock: clk,
	}
}

// Find returns the availability of a doctor. Errors: doctors.ErrNotFound.
func (s *Availability) Find(ctx context.Context, _ auth.Principal, doctor doctors.ID) (domain.Availability, error) {
	if err := checkDoctor(ctx, s.doctors, doctor); err != nil {
		return domain.Availability{}, err
	}
	return s.availability.Find(ctx, doctor)
}

// Replace replaces the availability of a doctor whose version matches expected, and records the names of the changed
// fields. Existing appointments stay as they are. Errors: errs.Invalid, doctors.ErrNotFound,
// appointments.ErrOtherDoctor, revision.ErrStale, appointments.ErrTypeNotFound.
func (s *Availability) Replace(
	ctx context.Context, who auth.Principal, doctor doctors.ID, expected revision.Match,
	input domain.AvailabilityInput,
) (changed domain.Availability, err error) {
	if err := input.Validate(); err != nil {
		return domain.Availability{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.checkChangeable(ctx, who, doctor); err != nil {
			return err
		}
		if err := s.checkTypes(ctx, input); err != nil {
			return err
		}
		var before domain.Availability
		changed, err = s.availability.Replace(ctx, doctor, func(a *domain.Availability) error {
			before = *a
			if err := expected.Check(a.Version); err != nil {
				return err
			}
			return a.Revise(input, s.clock.Now())
		})
		if err != nil {
			return err
		}
		update := audit.NewEntry(audit.Update, availabilityResource, doctor.UUID)
		update.Fields = before.Differing(changed)
		return s.trail.Record(ctx, who, update)
	})
	return changed, s.recordForbidden(ctx, who, audit.NewRefusal(availabilityResource, doctor.UUID, 0), err)
}

// checkDoctor returns an error unless the doctor exists, also in a removal. Errors: doctors.ErrNotFound.
func checkDoctor(ctx context.Context, directory doctors.Directory, id doctors.ID) error {
	found, err := directory.FindAll(ctx, []doctors.ID{id})
	if err != nil {
		return err
	}
	if _, exists := found[id]; !exists {
		return doctors.ErrNotFound
	}
	return nil
}

// checkChangeable returns an error unless the doctor exists and the user may change the opening hours: staff and
// administrators those of every doctor, other doctors their own. Errors: doctors.ErrNotFound,
// appointments.ErrOtherDoctor.
func (s *Availability) checkChangeable(ctx context.Context, who auth.Principal, id doctors.ID) error {
	if err := checkDoctor(ctx, s.doctors, id); err != nil {
		return err
	}
	if who.Role == doctors.Role && !who.ActsFor(id.UUID) {
		return appointments.ErrOtherDoctor
	}
	return nil
}

// recordForbidden returns err, and records the refusal if err denies the user a change.
func (s *Availability) recordForbidden(ctx context.Context, who auth.Principal, refusal audit.Entry, err error) error {
	refusal.Status = http.StatusForbidden
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, appointments.ErrOtherDoctor)
}

// checkTypes returns an error for each window with a type that does not exist. Errors: errs.Invalid.
func (s *Availability) checkTypes(ctx context.Context, input domain.AvailabilityInput) error {
	named := input.Types()
	var ids []domain.TypeID
	for _, id := range named {
		ids = append(ids, id)
	}
	found, err := s.types.FindAll(ctx, ids)
	if err != nil {
		return err
	}
	wrong := map[string]error{}
	for index, id := range named {
		if _, exists := found[id]; !exists {
			wrong[domain.TypeOfWindow(index)] = errors.New(appointments.ErrTypeNotFound.Detail)
		}
	}
	return errs.Fields(wrong)
}
