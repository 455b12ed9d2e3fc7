package app_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/adapters/store"
	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/doctors/doctorstest"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/recordid"
)

// now is a Monday.
var now = time.Date(2026, time.November, 30, 6, 0, 0, 0, time.UTC)

// env is a Service with the real store, fakes of the other modules, and the rows that the foreign keys require.
type env struct {
	*app.Service
	db       *database.DB
	clock    *clock.Manual
	patients *patientstest.Directory
	doctors  *doctorstest.Directory
	rules    *openAlways
	types    ports.Types
	trail    *audittest.Recorder
	mu       *sync.Mutex // of changes
	changes  *[]appointments.Changed
}

func newEnv(t testing.TB, db *database.DB) env {
	h := env{
		db: db, clock: clock.At(now), patients: new(patientstest.Directory), doctors: new(doctorstest.Directory),
		rules: &openAlways{zone: time.UTC}, types: store.NewTypes(db), trail: new(audittest.Recorder),
		mu: new(sync.Mutex), changes: new([]appointments.Changed),
	}
	publisher := events.New(events.On("test", func(_ context.Context, changed appointments.Changed) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		*h.changes = append(*h.changes, changed)
		return nil
	}))
	h.Service = app.New(store.New(db), h.types, h.rules, store.NewWaitingList(db), h.patients, h.doctors,
		audittest.Transactional(t, db, h.trail), db, publisher, h.clock, appointments.Config{MaxOpenPerPatient: 5})
	return h
}

// openAlways is the availability of doctors who are open day and night, unless change changes it.
type openAlways struct {
	ports.Availability
	zone   *time.Location
	lead   int
	change func(*calendar.Rules)
}

func (o *openAlways) Rules(
	_ context.Context, of []doctors.ID, _, _ calendar.Date,
) (map[doctors.ID]calendar.Rules, error) {
	rules := calendar.Rules{Zone: o.zone, Step: 15, Lead: o.lead, Horizon: 730}
	for day := time.Sunday; day <= time.Saturday; day++ {
		window := calendar.Window{Weekday: day, Minutes: calendar.Minutes{From: 0, To: 1440}}
		rules.Windows = append(rules.Windows, window)
	}
	if o.change != nil {
		o.change(&rules)
	}
	all := map[doctors.ID]calendar.Rules{}
	for _, doctor := range of {
		all[doctor] = rules
	}
	return all, nil
}

// Zone returns the zone of all doctors and of the service.
func (o *openAlways) Zone(context.Context, *doctors.ID) (*time.Location, error) { return o.zone, nil }

func (h env) newUser(t testing.TB) auth.Principal {
	t.Helper()
	return auth.Principal{UserID: databasetest.NewUser(t, h.db), Role: auth.Staff}
}

// personOf returns a user who is the patient.
func (h env) personOf(t testing.TB, patient patients.Patient) auth.Principal {
	t.Helper()
	who := h.newUser(t)
	who.Role, who.For = patients.Role, []auth.Capacity{{ID: who.UserID, Kind: auth.AsSelf}}
	h.patients.Represent(who.UserID, patient.ID, time.Time{})
	return who
}

// userOf returns a user who acts for the doctor.
func (h env) userOf(t testing.TB, doctor doctors.Doctor) auth.Principal {
	t.Helper()
	who := h.newUser(t)
	who.Role, who.For = doctors.Role, []auth.Capacity{
		{ID: who.UserID, Kind: auth.AsSelf}, {ID: doctor.ID.UUID, Kind: auth.AsDoctor},
	}
	return who
}

// colleagueOf returns a colleague with whom the patient is shared at a level.
func (h env) colleagueOf(t testing.TB, patient patients.Patient, level patients.Level) auth.Principal {
	t.Helper()
	who := h.newUser(t)
	who.For = []auth.Capacity{{ID: who.UserID, Kind: auth.AsSelf}}
	h.patients.Share(who.UserID, patient.ID, "share", level)
	return who
}

// booked books an appointment of the patient.
func (h env) booked(
	t testing.TB, who auth.Principal, patient patients.Patient, doctor doctors.Doctor, of domain.Type, start time.Time,
) app.Shown {
	t.Helper()
	made, err := h.Book(t.Context(), who, booking(patient, doctor, of, start))
	require.NoError(t, err)
	return made
}

// stored returns the appointment as it is stored.
func (h env) stored(t testing.TB, id appointments.ID) domain.Appointment {
	t.Helper()
	found, err := store.New(h.db).Find(t.Context(), id)
	require.NoError(t, err)
	return found
}

// during returns the audit entries that were recorded, and the changes that were published, while do ran.
func (h env) during(do func()) (entries []audit.Entry, changes []appointments.Change) {
	before, published := len(h.trail.Recorded()), len(*h.changes)
	do()
	for _, r := range h.trail.Recorded()[before:] {
		entries = append(entries, r.Entry)
	}
	for _, changed := range (*h.changes)[published:] {
		changes = append(changes, changed.Change)
	}
	return entries, changes
}

// refused is the entry of a request about a record that was denied.
func refused(resource audit.Resource, id uuid.UUID, status int, reason auth.Reason) audit.Entry {
	entry := audit.NewRefusal(resource, id, status)
	entry.Reason = reason
	return entry
}

func (h env) patientOf(t testing.TB, who auth.Principal) patients.Patient {
	t.Helper()
	id := patients.ID{UUID: databasetest.NewPatient(t, h.db, who.UserID)}
	patient := patients.Patient{ID: id, Owner: who.UserID, Name: "Ananya Verma", Age: 31, Gender: "Female"}
	h.patients.Add(who.UserID, patient)
	return patient
}

func (h env) doctor(t testing.TB) doctors.Doctor {
	t.Helper()
	id := doctors.ID{UUID: databasetest.NewDoctor(t, h.db)}
	doctor := doctors.Doctor{ID: id, Name: "Dr. Vikram Khanna", Specialization: "Dermatology", Experience: 9}
	h.doctors.Add(doctor)
	return doctor
}

// newType stores a type of 30 minutes with the changes applied.
func (h env) newType(t testing.TB, change func(*domain.TypeDetails)) domain.Type {
	t.Helper()
	of := domain.Type{
		ID: recordid.New[domain.TypeID](), Version: 1, CreatedAt: now, UpdatedAt: now,
		TypeDetails: domain.TypeDetails{
			Name: uuid.NewString(), Minutes: 30, Capacity: 1, ForPatients: true, Active: true,
		},
	}
	if change != nil {
		change(&of.TypeDetails)
	}
	require.NoError(t, h.types.Add(t.Context(), of))
	return of
}

// at returns a time of the next day.
func at(hour, minute int) time.Time {
	return time.Date(2026, time.December, 1, hour, minute, 0, 0, time.UTC)
}

func booking(patient patients.Patient, doctor doctors.Doctor, of domain.Type, start time.Time) domain.Booking {
	return domain.Booking{Patient: patient.ID, Doctor: doctor.ID, Type: of.ID, Start: start}
}

// row is an appointment as it is stored.
type row struct {
	ID         uuid.UUID
	Status     string
	Overbooked bool
}

// rows returns the active appointments of the doctor.
func (h env) rows(t testing.TB, doctor doctors.Doctor) (all []row) {
	t.Helper()
	require.NoError(t, h.db.Read(t.Context()).Table("appointments").Select("id", "status", "overbooked").
		Where("doctor_id = ? AND status IN ('held', 'pending', 'booked', 'arrived')", doctor.ID).Find(&all).Error)
	return all
}

// requireNoOverlap joins the active appointments with themselves, without those that were overbooked on purpose.
func (h env) requireNoOverlap(t testing.TB) {
	t.Helper()
	for name, condition := range map[string]string{
		"doctor": "a.doctor_id = b.doctor_id AND a.session_id <> b.session_id " +
			"AND a.blocks_from < b.blocks_to AND b.blocks_from < a.blocks_to",
		"patient": "a.patient_id = b.patient_id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at",
		"seat":    "a.session_id = b.session_id AND a.seat = b.seat",
	} {
		var count int64
		require.NoError(t, h.db.Read(t.Context()).Raw("SELECT count(*) FROM appointments a JOIN appointments b "+
			"ON a.id < b.id AND "+condition+" WHERE a.status IN ('held', 'pending', 'booked', 'arrived') "+
			"AND b.status IN ('held', 'pending', 'booked', 'arrived') AND NOT a.overbooked AND NOT b.overbooked").
			Scan(&count).Error)
		require.Zero(t, count, "overlaps of a %s", name)
	}
}
