package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/adapters/store"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/recordid"
)

// midnight is the time from which the tests count minutes.
var midnight = time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)

// minute returns the time n minutes after midnight.
func minute(n int) time.Time { return midnight.Add(time.Duration(n) * time.Minute) }

// at returns the time of an hour and a minute.
func at(hour, minutes int) time.Time { return minute(hour*60 + minutes) }

// fixture is a repository and the rows to which appointments refer.
type fixture struct {
	ports.Repository
	db       *database.DB
	owner    uuid.UUID
	patients []patients.ID // six of the owner
	doctors  []doctors.ID  // three
	types    []domain.TypeID
}

// eachStore runs test once per engine.
func eachStore(t *testing.T, test func(t *testing.T, f fixture)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) { test(t, newFixture(t, db)) })
}

func newFixture(t testing.TB, db *database.DB) fixture {
	t.Helper()
	f := fixture{Repository: store.New(db), db: db, owner: databasetest.NewUser(t, db)}
	for range 6 {
		f.patients = append(f.patients, f.newPatient(t, f.owner))
	}
	for range 3 {
		f.doctors = append(f.doctors, doctors.ID{UUID: databasetest.NewDoctor(t, db)})
	}
	for range 2 {
		f.types = append(f.types, newType(t, db))
	}
	return f
}

func newType(t testing.TB, db *database.DB) domain.TypeID {
	t.Helper()
	id := recordid.New[domain.TypeID]()
	require.NoError(t, store.NewTypes(db).Add(t.Context(), domain.Type{
		ID: id, Version: 1, CreatedAt: midnight, UpdatedAt: midnight,
		TypeDetails: domain.TypeDetails{Name: id.String(), Minutes: 30, Capacity: 1, Active: true},
	}))
	return id
}

func (f fixture) newPatient(t testing.TB, owner uuid.UUID) patients.ID {
	t.Helper()
	return patients.ID{UUID: databasetest.NewPatient(t, f.db, owner)}
}

func (f fixture) exec(t testing.TB, statement string, values ...any) {
	t.Helper()
	require.NoError(t, f.db.Write(t.Context()).Exec(statement, values...).Error)
}

// visit returns a booked appointment of the patient and the doctor with these indexes, without buffers.
func (f fixture) visit(patient, doctor int, from, to time.Time) domain.Appointment {
	a := domain.New(patients.Patient{ID: f.patients[patient], Owner: f.owner}, "", f.owner, midnight)
	a.DoctorID, a.TypeID, a.Status = f.doctors[doctor], f.types[0], appointments.Booked
	a.LocalStart, a.TimeZone = from.Format(domain.LocalLayout), "UTC"
	setTime(&a, from, to)
	return a
}

func setTime(a *domain.Appointment, from, to time.Time) {
	a.StartsAt, a.EndsAt, a.BlocksFrom, a.BlocksTo = from, to, from, to
}

// held makes an appointment a reservation until a time.
func held(a domain.Appointment, until time.Time) domain.Appointment {
	a.Status, a.ExpiresAt = appointments.Held, until
	return a
}

// inGroup makes an appointment a member of a group.
func inGroup(a domain.Appointment, group uuid.UUID, seat int) domain.Appointment {
	a.SessionID, a.Seat = group, seat
	return a
}

// mustAdd stores the appointment and returns it.
func (f fixture) mustAdd(t testing.TB, a domain.Appointment) domain.Appointment {
	t.Helper()
	require.NoError(t, f.Add(t.Context(), a))
	return a
}

// mustFind returns the stored appointment.
func (f fixture) mustFind(t testing.TB, id appointments.ID) domain.Appointment {
	t.Helper()
	found, err := f.Find(t.Context(), id)
	require.NoError(t, err)
	return found
}
