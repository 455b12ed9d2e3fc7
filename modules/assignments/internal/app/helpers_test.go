package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/app"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/doctors/doctorstest"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

// env is a Service with the real store, fakes of the other modules, and the rows that the foreign keys require.
type env struct {
	*app.Service
	db       *database.DB
	clock    *clock.Manual
	patients *countingPatients
	doctors  *countingDoctors
}

func newEnv(t testing.TB, db *database.DB) env {
	h := env{db: db, clock: clock.At(now), patients: new(countingPatients), doctors: new(countingDoctors)}
	h.Service = app.New(store.New(db), h.patients, h.doctors, audittest.Transactional(t, db, new(audittest.Recorder)),
		db, events.New(), h.clock, app.Limit{}, assignments.Config{Default: assignments.Read})
	return h
}

// countingPatients is a patients.Directory that counts the calls, and returns failure unless failure is nil.
type countingPatients struct {
	patientstest.Directory
	calls   int
	failure error
}

func (d *countingPatients) Find(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	d.calls++
	found, err := d.Directory.Find(ctx, scope, id)
	if d.failure != nil {
		return patients.Patient{}, d.failure
	}
	return found, err
}

func (d *countingPatients) Hold(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	return d.Find(ctx, scope, id)
}

func (d *countingPatients) FindAll(
	ctx context.Context, scope patients.Scope, ids []patients.ID,
) (map[patients.ID]patients.Patient, error) {
	d.calls++
	found, err := d.Directory.FindAll(ctx, scope, ids)
	if d.failure != nil {
		return nil, d.failure
	}
	return found, err
}

func (d *countingPatients) Exceptions(
	ctx context.Context, who auth.Principal, at time.Time,
) (patients.Exceptions, error) {
	d.calls++
	found, err := d.Directory.Exceptions(ctx, who, at)
	if d.failure != nil {
		return patients.Exceptions{}, d.failure
	}
	return found, err
}

// countingDoctors is a doctors.Directory that counts the calls, and returns failure unless failure is nil.
type countingDoctors struct {
	doctorstest.Directory
	calls   int
	failure error
}

func (d *countingDoctors) Find(ctx context.Context, id doctors.ID) (doctors.Doctor, error) {
	d.calls++
	found, err := d.Directory.Find(ctx, id)
	if d.failure != nil {
		return doctors.Doctor{}, d.failure
	}
	return found, err
}

func (d *countingDoctors) FindAll(ctx context.Context, ids []doctors.ID) (map[doctors.ID]doctors.Doctor, error) {
	d.calls++
	found, err := d.Directory.FindAll(ctx, ids)
	if d.failure != nil {
		return nil, d.failure
	}
	return found, err
}

func (h env) newUser(t *testing.T) auth.Principal {
	t.Helper()
	return auth.Principal{UserID: databasetest.NewUser(t, h.db)}
}

// person returns a user who acts for themselves.
func (h env) person(t *testing.T) auth.Principal {
	t.Helper()
	who := h.newUser(t)
	who.For = []auth.Capacity{{ID: who.UserID, Kind: auth.AsSelf}}
	return who
}

func (h env) patientOf(t *testing.T, who auth.Principal, name string) patients.Patient {
	t.Helper()
	id := patients.ID{UUID: databasetest.NewPatient(t, h.db, who.UserID)}
	patient := patients.Patient{ID: id, Owner: who.UserID, Name: name, Age: 31, Gender: "Other"}
	h.patients.Add(who.UserID, patient)
	return patient
}

func (h env) doctor(t *testing.T, name string) doctors.Doctor {
	t.Helper()
	id := doctors.ID{UUID: databasetest.NewDoctor(t, h.db)}
	doctor := doctors.Doctor{ID: id, Name: name, Specialization: "S", Experience: 9}
	h.doctors.Add(doctor)
	return doctor
}

// assigned advances the clock by a second and makes an assignment.
func (h env) assigned(t *testing.T, who auth.Principal, patient patients.Patient, doctor doctors.Doctor) app.Assigned {
	t.Helper()
	h.clock.Advance(time.Second)
	made, err := h.Assign(t.Context(), who, patient.ID, doctor.ID, "")
	require.NoError(t, err)
	return made
}

// wholeList requests a list as one page, newest first.
var wholeList = paging.Request{
	Limit: 500, Order: []paging.Order{{Column: "assigned_at", Descending: true}, {Column: "id", Descending: true}},
}

// browsed returns all assignments that the user sees.
func (h env) browsed(t *testing.T, who auth.Principal) []app.Assigned {
	t.Helper()
	page, err := h.Browse(t.Context(), who, domain.Filter{}, wholeList)
	require.NoError(t, err)
	return page.Items
}

// browsedOf returns all assignments of a patient that the user sees.
func (h env) browsedOf(t *testing.T, who auth.Principal, patient patients.Patient) []app.Assigned {
	t.Helper()
	page, err := h.BrowseOf(t.Context(), who, patient.ID, wholeList)
	require.NoError(t, err)
	return page.Items
}

func newID() assignments.ID { return recordid.New[assignments.ID]() }
