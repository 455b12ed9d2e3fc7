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
	"healthcare/modules/doctors/doctorstest"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

// env is the service over the real store, with fakes of the other modules and the rows that the foreign keys require.
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
		db, h.clock, app.Limit{})
	return h
}

// countingPatients counts the calls, and returns failure unless it is nil.
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

// countingDoctors does the same for doctors.
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
	id := uuid.Must(uuid.NewV7())
	h.insert(t,
		`INSERT INTO users
		(id, name, email, mailbox, username, password_hash, active, token_version, created_at, updated_at)
		VALUES (?, 'A', 'a@example.com', ?, ?, '-', ?, 0, ?, ?)`,
		id, id.String(), id.String(), true, database.At(now), database.At(now))
	return auth.Principal{UserID: id}
}

func (h env) patientOf(t *testing.T, who auth.Principal, name string) patients.Patient {
	t.Helper()
	patient := patients.Patient{ID: recordid.New[patients.ID](), Name: name, Age: 31, Gender: "Other"}
	h.insert(t,
		`INSERT INTO patients
		(id, owner_id, name, gender, age, email, phone, address, notes, version, created_at, updated_at)
		VALUES (?, ?, 'P', 'Other', 1, '', '', '', '', 1, ?, ?)`,
		patient.ID, who.UserID, database.At(now), database.At(now))
	h.patients.Add(who.UserID, patient)
	return patient
}

func (h env) doctor(t *testing.T, name string) doctors.Doctor {
	t.Helper()
	doctor := doctors.Doctor{ID: recordid.New[doctors.ID](), Name: name, Specialization: "S", Experience: 9}
	h.insert(t,
		`INSERT INTO doctors (id, name, specialization, experience, email, phone, version, created_at, updated_at)
		VALUES (?, 'D', 'S', 1, '', '', 1, ?, ?)`, doctor.ID, database.At(now), database.At(now))
	h.doctors.Add(doctor)
	return doctor
}

func (h env) insert(t *testing.T, statement string, values ...any) {
	t.Helper()
	require.NoError(t, h.db.Write(t.Context()).Exec(statement, values...).Error)
}

// assigned advances the clock by a second and makes an assignment.
func (h env) assigned(t *testing.T, who auth.Principal, patient patients.Patient, doctor doctors.Doctor) app.Assigned {
	t.Helper()
	h.clock.Advance(time.Second)
	made, err := h.Assign(t.Context(), who, patient.ID, doctor.ID)
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
