package app

import (
	"context"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/paging"
	"healthcare/platform/revision"
	"healthcare/platform/tx"
)

// typeResource is the audit resource of appointment types, declared in openapi.yaml.
const typeResource audit.Resource = "AppointmentType"

// Types implements the use cases of appointment types, which all users share. Administrators change them.
type Types struct {
	types ports.Types
	trail audit.Recorder
	tx    tx.Runner
	clock clock.Clock
}

// NewTypes returns a Types.
func NewTypes(repository ports.Types, trail audit.Recorder, runner tx.Runner, clk clock.Clock) *Types {
	return &Types{types: repository, trail: trail, tx: runner, clock: clk}
}

// Register adds a type. Errors: errs.Invalid, appointments.ErrTypeNameTaken.
func (s *Types) Register(ctx context.Context, who auth.Principal, input domain.TypeInput) (domain.Type, error) {
	kind, err := domain.NewType(input, s.clock.Now())
	if err != nil {
		return domain.Type{}, err
	}
	return kind, s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.types.Add(ctx, kind); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, audit.NewEntry(audit.Create, typeResource, kind.ID.UUID))
	})
}

// Browse returns a page of the types that match the filter. Patients see the types that they can book. Errors: none.
func (s *Types) Browse(
	ctx context.Context, who auth.Principal, filter domain.TypeFilter, page paging.Request,
) (paging.Page[domain.Type], error) {
	filter.ShownToPatients = who.Role == patients.Role
	return s.types.List(ctx, filter, page)
}

// Find returns one type. Patients see those that they can book. Errors: appointments.ErrTypeNotFound.
func (s *Types) Find(ctx context.Context, who auth.Principal, id domain.TypeID) (domain.Type, error) {
	kind, err := s.types.Find(ctx, id)
	if err == nil && who.Role == patients.Role && !kind.IsShownToPatients() {
		return domain.Type{}, appointments.ErrTypeNotFound
	}
	return kind, err
}

// Amend changes some details of a type whose version matches expected, and records the names of the changed fields.
// Appointments keep the times and the length with which they were booked. Errors: errs.Invalid,
// appointments.ErrTypeNotFound, appointments.ErrTypeNameTaken, revision.ErrStale.
func (s *Types) Amend(
	ctx context.Context, who auth.Principal, id domain.TypeID, expected revision.Match, changes domain.TypeChanges,
) (changed domain.Type, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		var before domain.TypeDetails
		changed, err = s.types.Change(ctx, id, func(t *domain.Type) error {
			before = t.TypeDetails
			if err := expected.Check(t.Version); err != nil {
				return err
			}
			return t.Amend(changes, s.clock.Now())
		})
		if err != nil {
			return err
		}
		update := audit.NewEntry(audit.Update, typeResource, id.UUID)
		update.Fields = before.Differing(changed.TypeDetails)
		return s.trail.Record(ctx, who, update)
	})
	return changed, err
}

// Remove deletes a type that nothing refers to and whose version matches expected. Errors:
// appointments.ErrTypeNotFound, revision.ErrStale, appointments.ErrTypeInUse.
func (s *Types) Remove(ctx context.Context, who auth.Principal, id domain.TypeID, expected revision.Match) error {
	return s.tx.Do(ctx, func(ctx context.Context) error {
		err := s.types.Remove(ctx, id, func(t domain.Type) error { return expected.Check(t.Version) })
		if err != nil {
			return err
		}
		return s.trail.Record(ctx, who, audit.NewEntry(audit.Delete, typeResource, id.UUID))
	})
}
