package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/paging"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

// env is a Service with the real store and a clock that the test controls.
type env struct {
	*app.Service
	db    *database.DB
	clock *clock.Manual
}

func newEnv(t testing.TB, db *database.DB, subscriptions ...events.Subscription) env {
	manual := clock.At(now)
	return env{
		app.New(
			store.New(db), store.NewGrants(db), audittest.Transactional(t, db, new(audittest.Recorder)), db,
			events.New(subscriptions...), manual, time.UTC, patients.Config{}, app.Limit{},
		),
		db,
		manual,
	}
}

func newUserData(
	db *database.DB, repository ports.Repository, publisher events.Publisher, trail audit.Recorder, clk clock.Clock,
	limit app.Limit,
) identity.UserData {
	return app.NewUserData(repository, store.NewGrants(db), store.NewInvitations(db), store.NewRestrictions(db), db,
		publisher, trail, clk, limit)
}

// newUser inserts a user and returns the principal.
func newUser(t *testing.T, db *database.DB) auth.Principal {
	t.Helper()
	return auth.Principal{UserID: databasetest.NewUser(t, db)}
}

func ananya() domain.Input {
	return domain.Input{Name: "Ananya Verma", Gender: "female", Age: new(31), MedicalRecordNumber: "MRN-7"}
}

func (h env) registered(t *testing.T, who auth.Principal, in domain.Input) domain.Patient {
	t.Helper()
	patient, err := h.Register(t.Context(), who, in)
	require.NoError(t, err)
	return patient
}

func (h env) found(t *testing.T, who auth.Principal, patient domain.Patient) domain.Patient {
	t.Helper()
	found, err := h.Find(t.Context(), who, patient.ID)
	require.NoError(t, err)
	return found
}

// browsed returns the user's whole list.
func (h env) browsed(t *testing.T, who auth.Principal) []domain.Patient {
	t.Helper()
	page, err := h.Browse(t.Context(), who, domain.Filter{}, wholeList)
	require.NoError(t, err)
	return page.Items
}

// wholeList requests a list as one page, newest first.
var wholeList = paging.Request{
	Limit: 10_000, Order: []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}},
}
