package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/app"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/revision"
)

// failingPatients is a patients.Directory that databasetest.RunWithFaults lets fail.
type failingPatients struct{ patients.Directory }

func (d failingPatients) Find(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	if err := databasetest.InjectFault(ctx, "patient"); err != nil {
		return patients.Patient{}, err
	}
	return d.Directory.Find(ctx, scope, id)
}

func (d failingPatients) Hold(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	if err := databasetest.InjectFault(ctx, "patient"); err != nil {
		return patients.Patient{}, err
	}
	return d.Directory.Hold(ctx, scope, id)
}

func (d failingPatients) FindAll(
	ctx context.Context, scope patients.Scope, ids []patients.ID,
) (map[patients.ID]patients.Patient, error) {
	if err := databasetest.InjectFault(ctx, "patients"); err != nil {
		return nil, err
	}
	return d.Directory.FindAll(ctx, scope, ids)
}

func (d failingPatients) Exceptions(
	ctx context.Context, who auth.Principal, at time.Time,
) (patients.Exceptions, error) {
	if err := databasetest.InjectFault(ctx, "exceptions"); err != nil {
		return patients.Exceptions{}, err
	}
	return d.Directory.Exceptions(ctx, who, at)
}

// failingDoctors is a doctors.Directory that databasetest.RunWithFaults lets fail.
type failingDoctors struct{ doctors.Directory }

func (d failingDoctors) Find(ctx context.Context, id doctors.ID) (doctors.Doctor, error) {
	if err := databasetest.InjectFault(ctx, "doctor"); err != nil {
		return doctors.Doctor{}, err
	}
	return d.Directory.Find(ctx, id)
}

func (d failingDoctors) FindAll(ctx context.Context, ids []doctors.ID) (map[doctors.ID]doctors.Doctor, error) {
	if err := databasetest.InjectFault(ctx, "doctors"); err != nil {
		return nil, err
	}
	return d.Directory.FindAll(ctx, ids)
}

func TestUseCasesReturnEveryErrorAndLeaveNoEffect(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, repository, trail := newEnv(t, db), store.New(db), new(audittest.Recorder)
		who, stranger := h.newUser(t), auth.Principal{UserID: uuid.New()}
		person := h.person(t)
		limit := app.NewLimit(assignments.Config{MaxPerUser: 1000}, repository)
		announced := events.New( // fails once in each case, as the other subscribers do
			events.On("subscriber", func(ctx context.Context, _ assignments.Assigned) error {
				return databasetest.InjectFault(ctx, "assigned")
			}),
			events.On("subscriber", func(ctx context.Context, _ assignments.AccessChanged) error {
				return databasetest.InjectFault(ctx, "access changed")
			}),
			events.On("subscriber", func(ctx context.Context, _ assignments.Ended) error {
				return databasetest.InjectFault(ctx, "ended")
			}))
		releaser := app.NewReleaser(repository, trail, h.clock, limit)
		ofDoctors := app.NewDoctorAssignments(releaser, announced)
		publisher := events.New(app.WhenPatientDeleted(repository, limit), app.WhenDoctorDeleted(releaser))
		var made app.Assigned // new for each case, as is the free doctor
		var free doctors.Doctor
		for _, c := range []struct {
			name string
			run  func(ctx context.Context, service *app.Service) error
			want error
		}{
			{"assign", func(ctx context.Context, service *app.Service) error {
				_, err := service.Assign(ctx, who, made.PatientID, free.ID, "")
				return err
			}, nil},
			{"assign to a patient of another user", func(ctx context.Context, service *app.Service) error {
				_, err := service.Assign(ctx, stranger, made.PatientID, free.ID, "")
				return err
			}, patients.ErrNotFound},
			{"browse", func(ctx context.Context, service *app.Service) error {
				_, err := service.Browse(ctx, who, domain.Filter{}, wholeList)
				return err
			}, nil},
			{"browse as a patient", func(ctx context.Context, service *app.Service) error {
				_, err := service.Browse(ctx, person, domain.Filter{}, wholeList)
				return err
			}, nil},
			{"browse by a patient of another user", func(ctx context.Context, service *app.Service) error {
				_, err := service.Browse(ctx, stranger, domain.Filter{Patient: &made.PatientID.UUID}, wholeList)
				return err
			}, nil},
			{"browse the assignments of a patient", func(ctx context.Context, service *app.Service) error {
				_, err := service.BrowseOf(ctx, who, made.PatientID, wholeList)
				return err
			}, nil},
			{"browse a patient of another user", func(ctx context.Context, service *app.Service) error {
				_, err := service.BrowseOf(ctx, stranger, made.PatientID, wholeList)
				return err
			}, patients.ErrNotFound},
			{"find", func(ctx context.Context, service *app.Service) error {
				_, err := service.Find(ctx, who, made.ID)
				return err
			}, nil},
			{"find an assignment of another user", func(ctx context.Context, service *app.Service) error {
				_, err := service.Find(ctx, stranger, made.ID)
				return err
			}, assignments.ErrNotFound},
			{"look up", func(ctx context.Context, service *app.Service) error {
				_, _, err := service.Lookup(ctx, who, made.ID)
				return err
			}, nil},
			{"change the access", func(ctx context.Context, service *app.Service) error {
				_, err := service.Grant(ctx, who, made.ID, revision.Match{}, new(assignments.Write))
				return err
			}, nil},
			{"change the access of another user's", func(ctx context.Context, service *app.Service) error {
				_, err := service.Grant(ctx, stranger, made.ID, revision.Match{}, new(assignments.Write))
				return err
			}, assignments.ErrNotFound},
			{"discharge", func(ctx context.Context, service *app.Service) error {
				return service.Discharge(ctx, who, made.ID, revision.Match{})
			}, nil},
			{"discharge an assignment of another user", func(ctx context.Context, service *app.Service) error {
				return service.Discharge(ctx, stranger, made.ID, revision.Match{})
			}, assignments.ErrNotFound},
			{"owners of a doctor's assignments", func(ctx context.Context, _ *app.Service) error {
				_, err := ofDoctors.Owners(ctx, made.DoctorID, 10)
				return err
			}, nil},
			{"number of a doctor's assignments", func(ctx context.Context, _ *app.Service) error {
				_, err := ofDoctors.Count(ctx, made.DoctorID)
				return err
			}, nil},
			{"release to another doctor", func(ctx context.Context, _ *app.Service) error {
				return db.Do(ctx, func(ctx context.Context) error {
					_, err := ofDoctors.Release(ctx, who, made.DoctorID, &free.ID, 10)
					return err
				})
			}, nil},
			{"deletion of a patient", func(ctx context.Context, _ *app.Service) error {
				return db.Do(ctx, func(ctx context.Context) error {
					return publisher.Publish(ctx, patients.Deleted{IDs: []patients.ID{made.PatientID}, By: who})
				})
			}, nil},
			{"deletion of a doctor", func(ctx context.Context, _ *app.Service) error {
				return db.Do(ctx, func(ctx context.Context) error {
					return publisher.Publish(ctx, doctors.Deleted{ID: made.DoctorID, By: who})
				})
			}, nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				made, free = h.assigned(t, who, h.patientOf(t, who, "P"), h.doctor(t, "D")), h.doctor(t, "E")
				h.patients.Represent(person.UserID, made.PatientID, time.Time{})
				err := databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
					fresh := app.NewLimit(assignments.Config{MaxPerUser: 1000}, repository) // counts again
					return c.run(ctx, app.New(repository, failingPatients{h.patients}, failingDoctors{h.doctors}, trail,
						db, announced, h.clock, fresh, assignments.Config{Default: assignments.Read}))
				})
				require.ErrorIs(t, err, c.want)
			})
		}
	})
}
