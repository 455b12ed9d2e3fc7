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
	"healthcare/platform/keyring"
	"healthcare/platform/onetime"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

var codes = codesOf([]byte("a secret of a test with 32 bytes"))

func codesOf(secret []byte, previous ...[]byte) app.Codes {
	ring, err := keyring.New(secret, previous...)
	if err != nil {
		panic(err)
	}
	return app.Codes{Codes: onetime.For(ring, "doctor invitation")}
}

// env is a Service with the real store and a clock that the test controls.
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
			repository, storedAssignments{db}, jobs.NewQueue(db, manual),
			audittest.Transactional(t, db, new(audittest.Recorder)), db,
			events.New(subscriptions...), manual, codes, doctors.Config{Mode: doctors.Open},
		),
		db,
		manual,
	}
}

// anyAdmin needs no row in users, because administrators are not recorded as creators.
var anyAdmin = auth.Principal{Role: auth.Admin}

func vikram() domain.Details {
	return domain.Details{
		Name: "Dr. Vikram Khanna", Specialization: "Dermatology", Experience: 9, LicenseNumber: "MH-1234",
	}
}

func (h env) registered(t *testing.T, details domain.Details) domain.Doctor {
	t.Helper()
	doctor, err := h.Register(t.Context(), anyAdmin, details)
	require.NoError(t, err)
	return doctor
}

func (h env) found(t *testing.T, doctor domain.Doctor) domain.Doctor {
	t.Helper()
	found, err := h.Find(t.Context(), doctor.ID)
	require.NoError(t, err)
	return found
}

// browsed returns the whole directory.
func (h env) browsed(t *testing.T) []domain.Doctor {
	t.Helper()
	page, err := h.Browse(t.Context(), domain.Filter{}, wholeList)
	require.NoError(t, err)
	return page.Items
}

func TestRegister(t *testing.T) {
	t.Parallel()
	service := newEnv(t, databasetest.SQLite(t))
	t.Run("returns the stored doctor", func(t *testing.T) {
		doctor := service.registered(t, vikram())
		require.Equal(t, doctor, service.found(t, doctor))
		require.Equal(t, now, doctor.CreatedAt)
		require.Equal(t, []domain.Doctor{doctor}, service.browsed(t))
	})
	t.Run("rejects a license number that another doctor has", func(t *testing.T) {
		_, err := service.Register(t.Context(), anyAdmin, vikram())
		require.ErrorIs(t, err, doctors.ErrLicenseNumberTaken)
		require.Len(t, service.browsed(t), 1)
	})
	t.Run("rejects and does not store invalid input", func(t *testing.T) {
		_, err := service.Register(t.Context(), anyAdmin, domain.Details{})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Len(t, service.browsed(t), 1)
	})
}

func TestReviseAndAmend(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	simple := domain.Details{Name: "D", Specialization: "S", Experience: 3}

	t.Run("a revision replaces everything and increments the version", func(t *testing.T) {
		service := newEnv(t, db)
		doctor := service.registered(t, vikram())
		service.clock.Advance(time.Minute)
		revised, err := service.Revise(t.Context(), anyAdmin, doctor.ID, revision.Match{},
			domain.Details{Name: "D", Specialization: "S"})
		require.NoError(t, err)
		require.Equal(t, domain.Details{Name: "D", Specialization: "S"}, revised.Details)
		require.Equal(t, 2, revised.Version)
		require.Equal(t, now.Add(time.Minute), revised.UpdatedAt)
		require.Equal(t, revised, service.found(t, doctor))
	})
	t.Run("an amendment changes the given fields and increments the version", func(t *testing.T) {
		service := newEnv(t, db)
		doctor := service.registered(t, simple)
		service.clock.Advance(time.Minute)
		amended, err := service.Amend(t.Context(), anyAdmin, doctor.ID, revision.Match{},
			domain.Changes{Experience: new(0)})
		require.NoError(t, err)
		doctor.Experience, doctor.Version, doctor.UpdatedAt = 0, 2, now.Add(time.Minute)
		require.Equal(t, doctor, amended)
		require.Equal(t, doctor, service.found(t, doctor))
	})
	t.Run("equal values keep version and time", func(t *testing.T) {
		service := newEnv(t, db)
		doctor := service.registered(t, simple)
		service.clock.Advance(time.Minute)
		amended, err := service.Amend(t.Context(), anyAdmin, doctor.ID, revision.Match{},
			domain.Changes{Name: new(" D ")})
		require.NoError(t, err)
		require.Equal(t, doctor, amended)
		revised, err := service.Revise(t.Context(), anyAdmin, doctor.ID, revision.Match{}, simple)
		require.NoError(t, err)
		require.Equal(t, doctor, revised)
		require.Equal(t, doctor, service.found(t, doctor))
	})
	t.Run("invalid values and a taken license number change nothing", func(t *testing.T) {
		service := newEnv(t, db)
		doctor := service.registered(t, simple)
		other := service.registered(t, domain.Details{Name: "O", Specialization: "S", LicenseNumber: "7"})
		_, err := service.Amend(t.Context(), anyAdmin, doctor.ID, revision.Match{},
			domain.Changes{Name: new("E"), Experience: new(-1)})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		_, err = service.Amend(t.Context(), anyAdmin, doctor.ID, revision.Match{},
			domain.Changes{Name: new("E"), LicenseNumber: &other.LicenseNumber})
		require.ErrorIs(t, err, doctors.ErrLicenseNumberTaken)
		require.Equal(t, doctor, service.found(t, doctor))
	})
	t.Run("a missing doctor is reported before the input is validated", func(t *testing.T) {
		service, missing := newEnv(t, db), recordid.New[doctors.ID]()
		_, err := service.Find(t.Context(), missing)
		require.Equal(t, doctors.ErrNotFound, err)
		_, err = service.Revise(t.Context(), anyAdmin, missing, revision.Match{}, domain.Details{})
		require.Equal(t, doctors.ErrNotFound, err)
		_, err = service.Amend(t.Context(), anyAdmin, missing, revision.Match{}, domain.Changes{Name: new("")})
		require.Equal(t, doctors.ErrNotFound, err)
	})
}

// wholeList requests a list as one page, newest first.
var wholeList = paging.Request{
	Limit: 10_000, Order: []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}},
}
