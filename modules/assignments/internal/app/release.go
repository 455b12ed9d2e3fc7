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

// NewDoctorAssignments returns the doctors.Assignments for the doctors module, which does not import this module.
func NewDoctorAssignments(
	repository ports.Repository, trail audit.Recorder, clk clock.Clock, limit Limit,
) doctors.Assignments {
	return &doctorAssignments{repository, trail, clk, limit}
}

type doctorAssignments struct {
	assignments ports.Repository
	trail       audit.Recorder
	clock       clock.Clock
	limit       Limit
}

func (d *doctorAssignments) Owners(ctx context.Context, doctor doctors.ID, limit int) ([]uuid.UUID, error) {
	return d.assignments.Owners(ctx, doctor, limit)
}

func (d *doctorAssignments) Count(ctx context.Context, doctor doctors.ID) (int, error) {
	return d.assignments.CountOfDoctor(ctx, doctor)
}

func (d *doctorAssignments) Release(
	ctx context.Context, who auth.Principal, doctor doctors.ID, to *doctors.ID, limit int,
) (int, error) {
	found, err := d.assignments.OfDoctor(ctx, doctor, limit)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	var made []domain.Assignment
	if to != nil { // before RemoveAll, because AddMissing waits for concurrent removals of the patients
		if made, err = d.assignments.AddMissing(ctx, moved(found, *to, d.clock)); err != nil {
			return 0, err
		}
	}
	ended, err := d.assignments.RemoveAll(ctx, found)
	if err != nil {
		return 0, err
	}
	d.assignments.AfterCommit(ctx, func() {
		for _, a := range ended {
			d.limit.Changed(a.OwnerID, -1)
		}
		for _, a := range made {
			d.limit.Changed(a.OwnerID, 1)
		}
	})
	return len(found), d.trail.Record(ctx, who, newReleaseEntries(made, ended)...)
}

// moved returns new assignments of the same patients to the doctor to.
func moved(all []domain.Assignment, to doctors.ID, clk clock.Clock) []domain.Assignment {
	made := make([]domain.Assignment, len(all))
	for i, a := range all {
		made[i] = domain.New(a.OwnerID, a.PatientID, to, clk.Now())
	}
	return made
}
