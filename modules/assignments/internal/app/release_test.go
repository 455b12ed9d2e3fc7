package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/app"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
)

// slowCount is a repository that counts slowly. A quota uses a count for a hundred times its duration, which is longer
// than a test takes, so the test sees the changes between two counts.
type slowCount struct{ ports.Repository }

func (r slowCount) CountOf(ctx context.Context, user uuid.UUID, limit int) (int, error) {
	time.Sleep(100 * time.Millisecond)
	return r.Repository.CountOf(ctx, user, limit)
}

// interrupted is a repository that calls between after OfDoctor.
type interrupted struct {
	ports.Repository
	between func(found []domain.Assignment)
}

func (r interrupted) OfDoctor(ctx context.Context, doctor doctors.ID, limit int) ([]domain.Assignment, error) {
	found, err := r.Repository.OfDoctor(ctx, doctor, limit)
	r.between(found)
	return found, err
}

func TestReleaseRepeatsWhatHappenedMeanwhile(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository := store.New(db)
		h, trail := newEnv(t, db).withTrail(app.Limit{})
		who, receiver := h.newUser(t), h.newUser(t)
		removed, heir := h.doctor(t, "Removed"), h.doctor(t, "Heir")
		ann, bob, eve := h.patientOf(t, who, "Ann"), h.patientOf(t, who, "Bob"), h.patientOf(t, who, "Eve")
		for _, patient := range []patients.Patient{ann, bob, eve} {
			h.assigned(t, who, patient, removed)
		}
		require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error { // one, as SQLite has one writer
			meanwhile := interrupted{repository, func([]domain.Assignment) {
				_, err := repository.SetOwner(ctx, []patients.ID{ann.ID}, receiver.UserID) // transferred
				require.NoError(t, err)
				_, err = repository.RemoveAllOfPatients(ctx, []patients.ID{bob.ID}) // discharged
				require.NoError(t, err)
			}}
			releaser := app.NewReleaser(meanwhile, trail, h.clock, app.Limit{})
			_, err := app.NewDoctorAssignments(releaser, events.New()).Release(ctx, who, removed.ID, &heir.ID, 100)
			return err
		}))
		owners := map[patients.ID]uuid.UUID{}
		all, err := repository.OfDoctor(t.Context(), heir.ID, 100)
		require.NoError(t, err)
		for _, a := range all {
			owners[a.PatientID] = a.OwnerID
		}
		require.Equal(t, map[patients.ID]uuid.UUID{ann.ID: receiver.UserID, eve.ID: who.UserID}, owners)
	})
}

func TestReleasedAssignmentsMakeRoom(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository := store.New(db)
		limit := app.NewLimit(assignments.Config{MaxPerUser: 4}, slowCount{repository})
		h, trail := newEnv(t, db).withTrail(limit)
		admin := h.newUser(t)
		releaser := app.NewReleaser(repository, trail, h.clock, limit)
		ofDoctors := app.NewDoctorAssignments(releaser, events.New())
		release := func(doctor doctors.ID, to *doctors.ID, moved int) {
			t.Helper()
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
				n, err := ofDoctors.Release(ctx, admin, doctor, to, 100)
				require.Equal(t, moved, n)
				return err
			}))
		}
		// requireRoom asserts that the user has room for this number of assignments, and uses it.
		requireRoom := func(who auth.Principal, room int) {
			t.Helper()
			patient := h.patientOf(t, who, "Room")
			for range room {
				h.assigned(t, who, patient, h.doctor(t, "Room"))
			}
			_, err := h.Assign(t.Context(), who, patient.ID, h.doctor(t, "Room").ID, "")
			require.ErrorIs(t, err, assignments.ErrLimitReached)
		}
		removed, heir := h.doctor(t, "Removed"), h.doctor(t, "Heir")
		who, other := h.newUser(t), h.newUser(t)
		ann, bob := h.patientOf(t, who, "Ann"), h.patientOf(t, who, "Bob")
		h.assigned(t, who, ann, removed)
		h.assigned(t, who, bob, removed)
		h.assigned(t, who, bob, heir)
		h.assigned(t, other, h.patientOf(t, other, "Eve"), removed)
		requireRoom(who, 1)
		requireRoom(other, 3)

		rolledBack := errors.New("rolled back")
		publisher := events.New(app.WhenPatientDeleted(repository, limit), app.WhenDoctorDeleted(releaser),
			app.WhenPatientTransferred(repository, limit))
		for _, change := range []func(ctx context.Context) error{
			func(ctx context.Context) error {
				_, err := ofDoctors.Release(ctx, admin, removed.ID, nil, 100)
				return err
			},
			func(ctx context.Context) error {
				return publisher.Publish(ctx, patients.Deleted{IDs: []patients.ID{ann.ID, bob.ID}, By: who})
			},
			func(ctx context.Context) error {
				transferred := patients.Transferred{IDs: []patients.ID{ann.ID}, From: who.UserID, To: other.UserID}
				return publisher.Publish(ctx, transferred)
			},
			func(ctx context.Context) error {
				return publisher.Publish(ctx, doctors.Deleted{ID: removed.ID, By: admin})
			},
		} {
			require.ErrorIs(t, db.Do(t.Context(), func(ctx context.Context) error {
				require.NoError(t, change(ctx))
				return rolledBack
			}), rolledBack)
			requireRoom(who, 0)
			requireRoom(other, 0)
		}
		release(removed.ID, &heir.ID, 3) // Bob already has the heir, so one assignment of three is not replaced
		requireRoom(who, 1)
		requireRoom(other, 0)
		release(heir.ID, nil, 3)
		requireRoom(who, 2)
		requireRoom(other, 1)
		moved := h.patientOf(t, who, "Moved")
		given := patients.Transferred{IDs: []patients.ID{moved.ID}, From: who.UserID, To: other.UserID}
		require.NoError(t, repository.Add(t.Context(),
			domain.New(who.UserID, moved.ID, h.doctor(t, "Moved").ID, now))) // beyond the limit
		require.NoError(t, publisher.Publish(t.Context(), given))
		requireRoom(who, 1)
	})
}
