package app

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
)

// NewDoctorAssignments returns the doctors.Assignments for the doctors module, which does not import this module.
func NewDoctorAssignments(releaser *Releaser, publisher events.Publisher) doctors.Assignments {
	return &doctorAssignments{releaser, publisher}
}

type doctorAssignments struct {
	*Releaser
	events events.Publisher
}

func (d *doctorAssignments) Release(
	ctx context.Context, who auth.Principal, doctor doctors.ID, to *doctors.ID, limit int,
) (int, error) {
	released, made, ended, err := d.release(ctx, who, doctor, to, limit)
	if err != nil || released == 0 {
		return released, err
	}
	if len(made) > 0 {
		if err := d.events.Publish(ctx, assignments.Assigned{Links: linksOf(made), By: who}); err != nil {
			return 0, err
		}
	}
	ids := make([]assignments.ID, len(ended))
	for i, a := range ended {
		ids[i] = a.ID
	}
	return released, d.events.Publish(ctx, assignments.Ended{IDs: ids, By: who})
}

// Releaser ends the assignments of doctors. It publishes nothing, so that subscribers can use it.
type Releaser struct {
	assignments ports.Repository
	trail       audit.Recorder
	clock       clock.Clock
	limit       Limit
}

// NewReleaser returns a Releaser.
func NewReleaser(repository ports.Repository, trail audit.Recorder, clk clock.Clock, limit Limit) *Releaser {
	return &Releaser{repository, trail, clk, limit}
}

// Owners implements doctors.Assignments.
func (d *Releaser) Owners(ctx context.Context, doctor doctors.ID, limit int) ([]uuid.UUID, error) {
	return d.assignments.Owners(ctx, doctor, limit)
}

// Count implements doctors.Assignments.
func (d *Releaser) Count(ctx context.Context, doctor doctors.ID) (int, error) {
	return d.assignments.CountOfDoctor(ctx, doctor)
}

// release ends at most limit assignments of the doctor, after it made those of the doctor to, if any. It returns the
// number of assignments that it found.
func (d *Releaser) release(
	ctx context.Context, who auth.Principal, doctor doctors.ID, to *doctors.ID, limit int,
) (released int, made, ended []domain.Assignment, err error) {
	found, err := d.assignments.OfDoctor(ctx, doctor, limit)
	if err != nil || len(found) == 0 {
		return 0, nil, nil, err
	}
	if to != nil { // before RemoveAll, because AddMissing waits for concurrent removals of the patients
		if made, err = d.assignments.AddMissing(ctx, moved(found, *to, d.clock)); err != nil {
			return 0, nil, nil, err
		}
	}
	if ended, err = d.assignments.RemoveAll(ctx, found); err != nil {
		return 0, nil, nil, err
	}
	if made, err = d.corrected(ctx, made, ended); err != nil {
		return 0, nil, nil, err
	}
	d.assignments.AfterCommit(ctx, func() {
		for _, a := range ended {
			d.limit.Changed(a.OwnerID, -1)
		}
		for _, a := range made {
			d.limit.Changed(a.OwnerID, 1)
		}
	})
	return len(found), made, ended, d.trail.Record(ctx, who, newReleaseEntries(made, ended)...)
}

// corrected repeats for new assignments what happened to the ended ones between OfDoctor and AddMissing: it stores the
// owner to whom the patient was transferred, and ends those whose predecessor had ended already. Both would otherwise
// leave the assignment with a former owner. It returns the remaining ones.
func (d *Releaser) corrected(
	ctx context.Context, made, ended []domain.Assignment,
) (kept []domain.Assignment, err error) {
	owners := map[patients.ID]uuid.UUID{}
	for _, a := range ended {
		owners[a.PatientID] = a.OwnerID
	}
	var without []domain.Assignment
	for _, a := range made {
		owner, known := owners[a.PatientID]
		if !known {
			without = append(without, a)
			continue
		}
		if owner != a.OwnerID {
			if _, err := d.assignments.SetOwner(ctx, []patients.ID{a.PatientID}, owner); err != nil {
				return nil, err
			}
			a.OwnerID = owner
		}
		kept = append(kept, a)
	}
	if len(without) > 0 {
		_, err = d.assignments.RemoveAll(ctx, without)
	}
	return kept, err
}

// moved returns new assignments of the same patients to the doctor to. They grant nothing.
func moved(all []domain.Assignment, to doctors.ID, clk clock.Clock) []domain.Assignment {
	made := make([]domain.Assignment, len(all))
	for i, a := range all {
		made[i] = domain.New(a.OwnerID, a.PatientID, to, clk.Now())
	}
	return made
}
