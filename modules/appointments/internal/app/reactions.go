package app

import (
	"context"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
)

// The reactions take no lock but those of rows: the publisher has locked the patient or the doctor, and a booking locks
// these before the times.

// WhenPatientDeleted deletes the appointments and waiting entries of removed patients, in the same transaction. It
// records nothing, because the audit entries of the patients imply it.
func WhenPatientDeleted(repository ports.Repository, waiting ports.WaitingList) events.Subscription {
	return events.On("appointments", func(ctx context.Context, deleted patients.Deleted) error {
		if err := repository.RemoveAllOfPatients(ctx, deleted.IDs); err != nil {
			return err
		}
		return waiting.RemoveAllOfPatients(ctx, deleted.IDs)
	})
}

// WhenPatientTransferred stores the new owner in the appointments and waiting entries of transferred patients, in the
// same transaction.
func WhenPatientTransferred(repository ports.Repository, waiting ports.WaitingList) events.Subscription {
	return events.On("appointments", func(ctx context.Context, transferred patients.Transferred) error {
		if err := repository.SetOwner(ctx, transferred.IDs, transferred.To); err != nil {
			return err
		}
		return waiting.SetOwner(ctx, transferred.IDs, transferred.To)
	})
}

// WhenDoctorRemoving rejects the removal of a doctor with open appointments before it begins: the doctor is shared, and
// one user must not cancel the appointments of others.
func WhenDoctorRemoving(repository ports.Repository, clk clock.Clock) events.Subscription {
	return events.On("appointments", func(ctx context.Context, removing doctors.Removing) error {
		return checkRemovable(ctx, repository, clk, removing.ID)
	})
}

// WhenDoctorDeleted rejects the removal of a doctor with open appointments, and keeps the name in the others. Patients
// no longer wait for the doctor, which is recorded for each of them.
func WhenDoctorDeleted(
	repository ports.Repository, waiting ports.WaitingList, directory doctors.Directory, trail audit.Recorder,
	clk clock.Clock,
) events.Subscription {
	return events.On("appointments", func(ctx context.Context, deleted doctors.Deleted) error {
		if err := checkRemovable(ctx, repository, clk, deleted.ID); err != nil {
			return err
		}
		found, err := directory.FindAll(ctx, []doctors.ID{deleted.ID})
		if err != nil {
			return err
		}
		if err := repository.ReleaseDoctor(ctx, deleted.ID, found[deleted.ID].Name, clk.Now()); err != nil {
			return err
		}
		ended, err := waiting.ReleaseDoctor(ctx, deleted.ID, clk.Now())
		if err != nil || len(ended) == 0 {
			return err
		}
		entries := make([]audit.Entry, len(ended))
		for i, e := range ended {
			entries[i] = newWaitingEntry(audit.Update, e, auth.Reason{})
			entries[i].Fields = []string{"doctor", "state"}
		}
		return trail.Record(ctx, deleted.By, entries...)
	})
}

// checkRemovable returns appointments.ErrDoctorHasAppointments for a doctor with open appointments. Their number is not
// shown, because they may be those of other users.
func checkRemovable(ctx context.Context, repository ports.Repository, clk clock.Clock, id doctors.ID) error {
	open, err := repository.HasOpen(ctx, id, clk.Now())
	if err == nil && open {
		err = appointments.ErrDoctorHasAppointments
	}
	return err
}
