package app_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/jobs"
	"healthcare/platform/revision"
)

// newService returns a service with a trail that the test reads.
func newService(
	db *database.DB, repository ports.Repository, assigned doctors.Assignments, cfg doctors.Config,
) (env, *audittest.Recorder) {
	trail, manual := new(audittest.Recorder), clock.At(now)
	service := app.New(repository, assigned, jobs.NewQueue(db, manual), trail, db, events.New(), manual, codes, cfg)
	return env{service, db, manual}, trail
}

// staffUser inserts a user, who can be recorded as a creator of doctors.
func staffUser(t *testing.T, db *database.DB) auth.Principal {
	t.Helper()
	return auth.Principal{UserID: databasetest.NewUser(t, db), Role: auth.Staff}
}

func TestCuratedDirectory(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, trail := newService(db, store.New(db), storedAssignments{db}, doctors.Config{Mode: doctors.Curated})
	doctor, staff := service.registered(t, vikram()), auth.Principal{UserID: uuid.New(), Role: auth.Staff}
	calls := map[string]func() error{
		"add": func() error {
			_, err := service.Register(t.Context(), staff, domain.Details{Name: "B", Specialization: "S"})
			return err
		},
		"revise": func() error {
			_, err := service.Revise(t.Context(), staff, doctor.ID, revision.Match{},
				domain.Details{Name: "B", Specialization: "S"})
			return err
		},
		"amend": func() error {
			_, err := service.Amend(t.Context(), staff, doctor.ID, revision.Match{}, domain.Changes{Name: new("B")})
			return err
		},
		"remove": func() error { return service.Remove(t.Context(), staff, doctor.ID, revision.Match{}) },
	}
	for name, call := range calls {
		t.Run("only administrators "+name+" doctors", func(t *testing.T) {
			before := len(trail.Recorded())
			require.ErrorIs(t, call(), doctors.ErrCurated)
			require.Len(t, trail.Recorded(), before+1)
			require.Equal(t, []domain.Doctor{doctor}, service.browsed(t))
		})
	}
}

func TestExpectedVersion(t *testing.T) {
	t.Parallel()
	service := newEnv(t, databasetest.SQLite(t))
	doctor := service.registered(t, vikram())
	another := revision.OneOf(doctor.Version + 1)
	_, err := service.Revise(t.Context(), anyAdmin, doctor.ID, another, domain.Details{Name: "B", Specialization: "S"})
	require.ErrorIs(t, err, revision.ErrStale)
	_, err = service.Amend(t.Context(), anyAdmin, doctor.ID, another, domain.Changes{Name: new("B")})
	require.ErrorIs(t, err, revision.ErrStale)
	require.ErrorIs(t, service.Remove(t.Context(), anyAdmin, doctor.ID, another), revision.ErrStale)
	require.Equal(t, doctor, service.found(t, doctor))
	require.NoError(t, service.Remove(t.Context(), anyAdmin, doctor.ID, revision.OneOf(doctor.Version)))
}

func TestTrailNamesTheChangedFields(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, trail := newService(db, store.New(db), storedAssignments{db}, doctors.Config{Mode: doctors.Open})
	doctor := service.registered(t, vikram())
	_, err := service.Amend(t.Context(), anyAdmin, doctor.ID, revision.Match{},
		domain.Changes{Name: new("B"), Experience: &doctor.Experience})
	require.NoError(t, err)
	all := trail.Recorded()
	require.Equal(t, []string{"name"}, all[len(all)-1].Fields)
}

func TestInvalidDetailsAreReportedByField(t *testing.T) {
	t.Parallel()
	service := newEnv(t, databasetest.SQLite(t))
	doctor := service.registered(t, vikram())
	_, registered := service.Register(t.Context(), anyAdmin, domain.Details{})
	_, revised := service.Revise(t.Context(), anyAdmin, doctor.ID, revision.Match{}, domain.Details{})
	for _, err := range []error{registered, revised} {
		var invalid *errs.Error
		require.ErrorAs(t, err, &invalid)
		require.Contains(t, invalid.Fields, "name")
		require.Contains(t, invalid.Fields, "specialization")
	}
}

func TestLimitOfDoctors(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, _ := newService(db, store.New(db), storedAssignments{db},
		doctors.Config{Mode: doctors.Open, MaxPerUser: 1})
	staff := staffUser(t, db)
	add := func() (domain.Doctor, error) {
		return service.Register(t.Context(), staff, domain.Details{Name: "B", Specialization: "S"})
	}
	first, err := add()
	require.NoError(t, err)
	t.Run("rejects more, also after a removal that failed", func(t *testing.T) {
		require.Error(t, service.Remove(t.Context(), staff, doctors.ID{UUID: uuid.New()}, revision.Match{}))
		_, err = add()
		require.ErrorIs(t, err, doctors.ErrLimitReached)
	})
	t.Run("does not count for administrators", func(t *testing.T) {
		service.registered(t, domain.Details{Name: "C", Specialization: "S"})
		service.registered(t, domain.Details{Name: "D", Specialization: "S"})
	})
	t.Run("admits another doctor after a removal", func(t *testing.T) {
		require.NoError(t, service.Remove(t.Context(), staff, first.ID, revision.Match{}))
		_, err = add()
		require.NoError(t, err)
	})
}

// owned is a doctors.Assignments with these owners for every doctor.
type owned struct {
	doctors.Assignments
	owners []uuid.UUID
}

func (o owned) Owners(_ context.Context, _ doctors.ID, limit int) ([]uuid.UUID, error) {
	return o.owners[:min(len(o.owners), limit)], nil
}

func TestDoctorsWithPatientsAreKept(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	who := auth.Principal{UserID: uuid.New(), Role: auth.Admin}
	remove := func(t *testing.T, mode doctors.Mode, owners []uuid.UUID) error {
		service, _ := newService(db, store.New(db), owned{owners: owners}, doctors.Config{Mode: mode})
		doctor := service.registered(t, domain.Details{Name: "B", Specialization: "S"})
		return service.Remove(t.Context(), who, doctor.ID, revision.Match{})
	}
	own := make([]uuid.UUID, 1001)
	for i := range own {
		own[i] = who.UserID
	}
	t.Run("if they are of other users, unless the directory is open", func(t *testing.T) {
		mixed := []uuid.UUID{who.UserID, uuid.New()}
		require.ErrorIs(t, remove(t, doctors.Guarded, mixed), doctors.ErrOfOthers)
		require.NoError(t, remove(t, doctors.Open, mixed))
		require.NoError(t, remove(t, doctors.Guarded, own[:1]))
	})
	t.Run("if they are more than 1000", func(t *testing.T) {
		require.NoError(t, remove(t, doctors.Guarded, own[:1000]))
		require.ErrorIs(t, remove(t, doctors.Guarded, own), doctors.ErrOfMany)
	})
}

// lockedInOrder is a store that notes which doctors are locked.
type lockedInOrder struct {
	ports.Repository
	locked *[]doctors.ID
}

func (l lockedInOrder) Lock(ctx context.Context, id doctors.ID) (int, error) {
	*l.locked = append(*l.locked, id)
	return l.Repository.Lock(ctx, id)
}

func TestRemovalsLockDoctorsInOneOrder(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	var locked []doctors.ID
	service, trail := newService(db, lockedInOrder{store.New(db), &locked}, storedAssignments{db},
		doctors.Config{Mode: doctors.Open})
	start := func(t *testing.T, from, to domain.Doctor) {
		_, err := service.StartRemoval(t.Context(), anyAdmin, from.ID, revision.Match{}, &to.ID)
		require.NoError(t, err)
	}
	doctor := func() domain.Doctor { return service.registered(t, domain.Details{Name: "B", Specialization: "S"}) }
	first, second := doctor(), doctor()
	start(t, second, first)
	require.Equal(t, []doctors.ID{first.ID, second.ID}, locked)
	locked = nil
	third, fourth := doctor(), doctor()
	start(t, third, fourth)
	require.Equal(t, []doctors.ID{third.ID, fourth.ID}, locked)

	all := trail.Recorded()
	begun := all[len(all)-1].Entry
	require.Equal(t, audit.Update, begun.Action)
	require.Equal(t, 202, begun.Status)
	require.Equal(t, []string{"removal"}, begun.Fields)
}

func TestRemovalJobs(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service := newEnv(t, db)
	doctor := assignedDoctor(t, service)
	handler := app.NewRemovals(service.Service)
	_, err := service.StartRemoval(t.Context(), anyAdmin, doctor.ID, revision.Match{}, nil)
	require.NoError(t, err)
	job := jobs.Job{Parameters: []byte(`{"doctor":"` + doctor.ID.String() + `"}`)}
	t.Run("continue while a batch is full", func(t *testing.T) {
		progress, err := handler.Batch(t.Context(), job, 1)
		require.NoError(t, err)
		require.Equal(t, jobs.Progress{Rows: 1, More: true}, progress)
		progress, err = handler.Batch(t.Context(), job, 1)
		require.NoError(t, err)
		require.Equal(t, jobs.Progress{}, progress)
	})
	t.Run("end for a doctor who is already deleted", func(t *testing.T) {
		progress, err := handler.Batch(t.Context(), job, 1)
		require.NoError(t, err)
		require.Equal(t, jobs.Progress{}, progress)
	})
	t.Run("fail with parameters that they cannot read", func(t *testing.T) {
		_, err := handler.Batch(t.Context(), jobs.Job{Parameters: []byte(`{"doctor":1}`)}, 1)
		require.Error(t, err)
	})
	t.Run("return the error of the store", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := handler.Batch(ended, job, 1)
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
	})
}
