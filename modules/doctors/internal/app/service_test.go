package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/jobs"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

// env is the service over the real store, with a clock that the test owns.
type env struct {
	*app.Service
	db    *database.DB
	clock *clock.Manual
}

func newEnv(t testing.TB, db *database.DB, subscriptions ...events.Subscription) env {
	manual := clock.At(now)
	repository := store.New(db)
	return env{
		app.New(
			repository, assigned{db}, jobs.NewQueue(db, manual), audittest.Transactional(t, db, new(audittest.Recorder)), db,
			events.New(subscriptions...), manual, doctors.Config{Mode: doctors.Open},
		),
		db,
		manual,
	}
}

// nobody in particular: the directory is everybody's. Administrators are not recorded as creators, so no row of a user
// is needed.
var nobody = auth.Principal{Role: auth.Admin}

func vikram() domain.Details {
	return domain.Details{Name: "Dr. Vikram Khanna", Specialization: "Dermatology", Experience: 9, LicenseNumber: "MH-1234"}
}

func (h env) registered(t *testing.T, details domain.Details) domain.Doctor {
	t.Helper()
	doctor, err := h.Register(t.Context(), nobody, details)
	require.NoError(t, err)
	return doctor
}

func (h env) found(t *testing.T, doctor domain.Doctor) domain.Doctor {
	t.Helper()
	found, err := h.Find(t.Context(), doctor.ID)
	require.NoError(t, err)
	return found
}

// browsed is the whole directory.
func (h env) browsed(t *testing.T) []domain.Doctor {
	t.Helper()
	page, err := h.Browse(t.Context(), domain.Filter{}, whole)
	require.NoError(t, err)
	return page.Items
}

func TestRegister(t *testing.T) {
	t.Parallel()
	service := newEnv(t, databasetest.SQLite(t))
	t.Run("answers what is found afterwards", func(t *testing.T) {
		doctor := service.registered(t, vikram())
		require.Equal(t, doctor, service.found(t, doctor))
		require.Equal(t, now, doctor.CreatedAt)
		require.Equal(t, []domain.Doctor{doctor}, service.browsed(t))
	})
	t.Run("refuses a license number that another doctor has", func(t *testing.T) {
		_, err := service.Register(t.Context(), nobody, vikram())
		require.ErrorIs(t, err, doctors.ErrLicenseNumberTaken)
		require.Len(t, service.browsed(t), 1)
	})
	t.Run("stores nothing that breaks a rule", func(t *testing.T) {
		_, err := service.Register(t.Context(), nobody, domain.Details{})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Len(t, service.browsed(t), 1)
	})
}

func TestReviseAndAmend(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	simple := domain.Details{Name: "D", Specialization: "S", Experience: 3}

	t.Run("a revision replaces everything, and counts", func(t *testing.T) {
		service := newEnv(t, db)
		doctor := service.registered(t, vikram())
		service.clock.Advance(time.Minute)
		revised, err := service.Revise(t.Context(), nobody, doctor.ID, revision.Match{}, domain.Details{Name: "D", Specialization: "S"})
		require.NoError(t, err)
		require.Equal(t, domain.Details{Name: "D", Specialization: "S"}, revised.Details)
		require.Equal(t, 2, revised.Version)
		require.Equal(t, now.Add(time.Minute), revised.UpdatedAt)
		require.Equal(t, revised, service.found(t, doctor))
	})
	t.Run("an amendment changes what is said, and counts", func(t *testing.T) {
		service := newEnv(t, db)
		doctor := service.registered(t, simple)
		service.clock.Advance(time.Minute)
		amended, err := service.Amend(t.Context(), nobody, doctor.ID, revision.Match{}, domain.Changes{Experience: new(0)})
		require.NoError(t, err)
		doctor.Experience, doctor.Version, doctor.UpdatedAt = 0, 2, now.Add(time.Minute)
		require.Equal(t, doctor, amended)
		require.Equal(t, doctor, service.found(t, doctor))
	})
	t.Run("what changes nothing keeps version and time", func(t *testing.T) {
		service := newEnv(t, db)
		doctor := service.registered(t, simple)
		service.clock.Advance(time.Minute)
		amended, err := service.Amend(t.Context(), nobody, doctor.ID, revision.Match{}, domain.Changes{Name: new(" D ")})
		require.NoError(t, err)
		require.Equal(t, doctor, amended)
		revised, err := service.Revise(t.Context(), nobody, doctor.ID, revision.Match{}, simple)
		require.NoError(t, err)
		require.Equal(t, doctor, revised)
		require.Equal(t, doctor, service.found(t, doctor))
	})
	t.Run("what breaks a rule, or takes another's license number, changes nothing", func(t *testing.T) {
		service := newEnv(t, db)
		doctor, other := service.registered(t, simple), service.registered(t, domain.Details{Name: "O", Specialization: "S", LicenseNumber: "7"})
		_, err := service.Amend(t.Context(), nobody, doctor.ID, revision.Match{}, domain.Changes{Name: new("E"), Experience: new(-1)})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		_, err = service.Amend(t.Context(), nobody, doctor.ID, revision.Match{}, domain.Changes{Name: new("E"), LicenseNumber: &other.LicenseNumber})
		require.ErrorIs(t, err, doctors.ErrLicenseNumberTaken)
		require.Equal(t, doctor, service.found(t, doctor))
	})
	t.Run("of a doctor who does not exist are told so, before anything is said about the rules", func(t *testing.T) {
		service, missing := newEnv(t, db), recordid.New[doctors.ID]()
		_, err := service.Find(t.Context(), missing)
		require.Equal(t, doctors.ErrNotFound, err)
		_, err = service.Revise(t.Context(), nobody, missing, revision.Match{}, domain.Details{})
		require.Equal(t, doctors.ErrNotFound, err)
		_, err = service.Amend(t.Context(), nobody, missing, revision.Match{}, domain.Changes{Name: new("")})
		require.Equal(t, doctors.ErrNotFound, err)
	})
}

// whole asks for a list in one page, newest first.
var whole = paging.Request{Limit: 10_000, Order: []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}}
