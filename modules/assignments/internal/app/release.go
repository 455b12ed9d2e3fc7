package app

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
)

// NewOfDoctors returns the assignments of doctors for the doctors module, which does not know this one.
func NewOfDoctors(
	assignments ports.Repository, trail audit.Recorder, clock clock.Clock, limit Limit,
) doctors.Assignments {
	return &ofDoctors{assignments, trail, clock, limit}
}

type ofDoctors struct {
	assignments ports.Repository
	trail       audit.Recorder
	clock       clock.Clock
	limit       Limit
}

func (o *ofDoctors) Owners(ctx context.Context, doctor doctors.ID, limit int) ([]uuid.UUID, error) {
	return o.assignments.Owners(ctx, doctor, limit)
}

func (o *ofDoctors) Count(ctx context.Context, doctor doctors.ID) (int, error) {
	return o.assignments.CountOfDoctor(ctx, doctor)
}

func (o *ofDoctors) Release(
	ctx context.Context, who auth.Principal, doctor doctors.ID, to *doctors.ID, limit int,
) (int, error) {
	found, err := o.assignments.OfDoctor(ctx, doctor, limit)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	var made []domain.Assignment
	if to != nil { // before the others end: new assignments wait for patients who are being removed
		if made, err = o.assignments.AddMissing(ctx, moved(found, *to, o.clock)); err != nil {
			return 0, err
		}
	}
	ended, err := o.assignments.RemoveAll(ctx, found)
	if err != nil {
		return 0, err
	}
	for _, a := range ended {
		o.limit.Changed(a.OwnerID, -1)
	}
	for _, a := range made {
		o.limit.Changed(a.OwnerID, 1)
	}
	return len(found), o.trail.Record(ctx, who, newReleaseEntries(made, ended)...)
}

// moved returns assignments of the same patients to another doctor.
func moved(all []domain.Assignment, to doctors.ID, clock clock.Clock) []domain.Assignment {
	made := make([]domain.Assignment, len(all))
	for i, a := range all {
		made[i] = domain.New(a.OwnerID, a.PatientID, to, clock.Now())
	}
	return made
}
