package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/revision"
)

// newService returns a service with a trail that the test reads.
func newService(
	db *database.DB, most int, subscriptions ...events.Subscription,
) (env, *audittest.Recorder) {
	trail, manual := new(audittest.Recorder), clock.At(now)
	limit := app.NewLimit(patients.Config{MaxPerUser: most}, store.New(db))
	service := app.New(store.New(db), store.NewGrants(db), trail, db, events.New(subscriptions...), manual, time.UTC,
		patients.Config{}, limit)
	return env{service, db, manual}, trail
}

func TestTrail(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, trail := newService(db, 0)
	who := newUser(t, db)
	patient := service.registered(t, who, ananya())
	last := func() audit.Entry {
		all := trail.Recorded()
		return all[len(all)-1].Entry
	}
	t.Run("distinguishes a search from a list", func(t *testing.T) {
		_, err := service.Browse(t.Context(), who, domain.Filter{}, wholeList)
		require.NoError(t, err)
		require.Equal(t, audit.List, last().Action)
		_, err = service.Browse(t.Context(), who, domain.Filter{Search: "verma"}, wholeList)
		require.NoError(t, err)
		require.Equal(t, audit.Search, last().Action)
		require.Equal(t, []uuid.UUID{patient.ID.UUID}, last().IDs)
	})
	t.Run("names the fields that a change affects, and no others", func(t *testing.T) {
		_, err := service.Amend(t.Context(), who, patient.ID, revision.Match{},
			domain.Changes{Name: new("Ananya Iyer"), Gender: new("female")})
		require.NoError(t, err)
		require.Equal(t, []string{"name"}, last().Fields)
	})
}

func TestExpectedVersion(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, who := newEnv(t, db), newUser(t, db)
	patient := service.registered(t, who, ananya())
	another := revision.OneOf(patient.Version + 1)
	t.Run("another version is neither changed nor removed", func(t *testing.T) {
		_, err := service.Revise(t.Context(), who, patient.ID, another, domain.Input{Name: "B", Gender: "Other"})
		require.ErrorIs(t, err, revision.ErrStale)
		_, err = service.Amend(t.Context(), who, patient.ID, another, domain.Changes{Name: new("B")})
		require.ErrorIs(t, err, revision.ErrStale)
		require.ErrorIs(t, service.Remove(t.Context(), who, patient.ID, another), revision.ErrStale)
		require.Equal(t, patient, service.found(t, who, patient))
	})
	t.Run("the expected version is removed", func(t *testing.T) {
		require.NoError(t, service.Remove(t.Context(), who, patient.ID, revision.OneOf(patient.Version)))
		require.Empty(t, service.browsed(t, who))
	})
}

func TestBrowse(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, _ := newService(db, 0)
	t.Run("rejects an unknown gender", func(t *testing.T) {
		_, err := service.Browse(t.Context(), newUser(t, db), domain.Filter{Gender: "x"}, wholeList)
		require.Equal(t, errs.Invalid, errs.KindOf(err))
	})
}

func TestRemovedPatientsMakeRoom(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, _ := newService(db, 2)
	who := newUser(t, db)
	add := func() (domain.Patient, error) {
		return service.Register(t.Context(), who, domain.Input{Name: "A", Gender: "Other", Age: new(1)})
	}
	first, err := add()
	require.NoError(t, err)
	_, err = add()
	require.NoError(t, err)
	require.Error(t, service.Remove(t.Context(), newUser(t, db), first.ID, revision.Match{}))
	_, err = add()
	require.ErrorIs(t, err, patients.ErrLimitReached)
	require.NoError(t, service.Remove(t.Context(), who, first.ID, revision.Match{}))
	_, err = add()
	require.NoError(t, err)
	_, err = add()
	require.ErrorIs(t, err, patients.ErrLimitReached)
}

func TestAUserWithoutDataLeavesNoTrace(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	published, trail := 0, new(audittest.Recorder)
	subscription := events.On("subscriber", func(context.Context, patients.Deleted) error {
		published++
		return nil
	})
	userData := newUserData(db, store.New(db),
		events.New(subscription), trail, clock.At(now),
		app.Limit{})
	removed, err := userData.DeleteAll(t.Context(), identity.UserID{UUID: uuid.New()}, identity.SessionID{}, "", 10)
	require.NoError(t, err)
	require.Zero(t, removed)
	require.Zero(t, published)
	require.Empty(t, trail.Recorded())
}
