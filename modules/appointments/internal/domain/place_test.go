package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/recordid"
)

func TestNew(t *testing.T) {
	patient := patients.Patient{ID: recordid.New[patients.ID](), Owner: uuid.New()}
	by := uuid.New()
	a := domain.New(patient, "Cough", by, now)
	require.Equal(t, domain.Appointment{
		ID: a.ID, OwnerID: patient.Owner, PatientID: patient.ID, SessionID: a.ID.UUID, Reason: "Cough", Version: 1,
		CreatedBy: by, CreatedAt: now, UpdatedAt: now,
	}, a)
	require.NotEqual(t, a.ID, domain.New(patient, "Cough", by, now).ID)
}

func TestPlace(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	start := time.Date(2026, time.July, 1, 7, 0, 0, 0, time.UTC)
	t.Run("the visit takes the minutes of the type, and the doctor's block also the buffers", func(t *testing.T) {
		of := newType(1, false)
		a := newAppointment(appointments.Booked, time.Hour)
		a.Seat = 7
		a.Place(doctor, of, start, berlin)
		require.Equal(t, start, a.StartsAt)
		require.Equal(t, start.Add(30*time.Minute), a.EndsAt)
		require.Equal(t, start.Add(-5*time.Minute), a.BlocksFrom)
		require.Equal(t, start.Add(40*time.Minute), a.BlocksTo)
		require.Equal(t, "2026-07-01T09:00", a.LocalStart)
		require.Equal(t, "Europe/Berlin", a.TimeZone)
		require.Equal(t, doctor, a.DoctorID)
		require.Equal(t, of.ID, a.TypeID)
		require.Equal(t, a.ID.UUID, a.SessionID)
		require.Zero(t, a.Seat)
		require.Equal(t, "2026-07-01T09:00:00+02:00", a.Local().Format(time.RFC3339))
	})
	t.Run("an appointment of one patient leaves the session of a group", func(t *testing.T) {
		a := newAppointment(appointments.Booked, time.Hour)
		a.Place(doctor, newType(2, false), start, berlin)
		require.NotEqual(t, a.ID.UUID, a.SessionID)
		a.Place(doctor, newType(1, false), start, berlin)
		require.Equal(t, a.ID.UUID, a.SessionID)
	})
	t.Run("the longest type is no longer than a block may be", func(t *testing.T) {
		of := domain.Type{TypeDetails: domain.TypeDetails{Minutes: 480, BufferBefore: 120, BufferAfter: 120}}
		a := newAppointment(appointments.Booked, time.Hour)
		a.Place(doctor, of, start, berlin)
		require.LessOrEqual(t, a.BlocksTo.Sub(a.BlocksFrom), domain.MaxBlock)
	})
	t.Run("the time of an unknown zone is shown in UTC", func(t *testing.T) {
		a := newAppointment(appointments.Booked, time.Hour)
		a.TimeZone = "Atlantis/Center"
		require.Equal(t, time.UTC, a.Local().Location())
		require.True(t, a.Local().Equal(a.StartsAt))
	})
}

func TestSession(t *testing.T) {
	of := newType(3, false)
	session := domain.Session(doctor, of, now)
	require.Equal(t, session, domain.Session(doctor, of, now.In(zone(t, "Asia/Kolkata"))), "the instant counts")
	renamed := of
	renamed.Name, renamed.Capacity, renamed.NeedsConfirmation = "Other", 9, true
	require.Equal(t, session, domain.Session(doctor, renamed, now), "nor do details that keep the block")
	different := map[string]uuid.UUID{
		"doctor": domain.Session(recordid.New[doctors.ID](), of, now),
		"start":  domain.Session(doctor, of, now.Add(time.Minute)),
	}
	for name, change := range map[string]func(*domain.Type){
		"type":          func(t *domain.Type) { t.ID = recordid.New[domain.TypeID]() },
		"minutes":       func(t *domain.Type) { t.Minutes++ },
		"buffer before": func(t *domain.Type) { t.BufferBefore++ },
		"buffer after":  func(t *domain.Type) { t.BufferAfter++ },
		"swapped buffers": func(t *domain.Type) {
			t.BufferBefore, t.BufferAfter = t.BufferAfter, t.BufferBefore
		},
	} {
		changed := of
		change(&changed)
		different[name] = domain.Session(doctor, changed, now)
	}
	seen := map[uuid.UUID]string{session: "the group"}
	for name, other := range different {
		require.NotContains(t, seen, other, name)
		seen[other] = name
	}
}

func TestFreeSeat(t *testing.T) {
	of := newType(3, false)
	member := func(seat int) domain.Appointment {
		a := newAppointment(appointments.Booked, time.Hour)
		a.Place(doctor, of, now, time.UTC)
		a.Seat = seat
		return a
	}
	own := member(1)
	stranger := newAppointment(appointments.Booked, time.Hour)
	for name, c := range map[string]struct {
		others []domain.Appointment
		want   int
	}{
		"the first seat of an empty group":                {nil, 0},
		"the lowest seat between others":                  {[]domain.Appointment{member(2), member(0)}, 1},
		"the next seat":                                   {[]domain.Appointment{member(0), member(1)}, 2},
		"a seat beyond the capacity of a full group":      {[]domain.Appointment{member(0), member(1), member(2)}, 3},
		"the own seat":                                    {[]domain.Appointment{member(0), own}, 1},
		"a seat that only someone of another session has": {[]domain.Appointment{stranger}, 0},
	} {
		t.Run("is "+name, func(t *testing.T) { require.Equal(t, c.want, own.FreeSeat(c.others)) })
	}
}

func TestConflicts(t *testing.T) {
	of := newType(3, false)
	group := func() domain.Appointment {
		a := newAppointment(appointments.Booked, time.Hour)
		a.Place(doctor, of, now, time.UTC)
		return a
	}
	a, member, other := group(), group(), newAppointment(appointments.Booked, time.Hour)
	t.Run("are the blocks of others of the doctor, then the visits of the patient", func(t *testing.T) {
		found := a.Conflicts([]domain.Appointment{other, a, member}, []domain.Appointment{a, member, other})
		require.Equal(t, []domain.Conflict{
			{With: domain.WithDoctor, From: other.BlocksFrom, To: other.BlocksTo, Of: other},
			{With: domain.WithPatient, From: member.StartsAt, To: member.EndsAt, Of: member},
			{With: domain.WithPatient, From: other.StartsAt, To: other.EndsAt, Of: other},
		}, found)
		require.ErrorIs(t, domain.ErrConflicts(found), appointments.ErrSlotTaken)
		require.ErrorIs(t, domain.ErrConflicts(found[1:]), appointments.ErrPatientBusy)
	})
	t.Run("are neither the appointment itself nor members of its group", func(t *testing.T) {
		require.Empty(t, a.Conflicts([]domain.Appointment{a, member}, []domain.Appointment{a}))
	})
}

func TestSplitExpired(t *testing.T) {
	due := newAppointment(appointments.Held, time.Hour)
	due.ExpiresAt = now
	open := []domain.Appointment{newAppointment(appointments.Held, time.Hour)}
	for _, status := range []appointments.Status{appointments.Pending, appointments.Booked, appointments.Arrived} {
		open = append(open, newAppointment(status, time.Hour))
	}
	gotOpen, gotExpired := domain.SplitExpired(append([]domain.Appointment{due}, open...), now)
	require.Equal(t, open, gotOpen)
	require.Equal(t, []domain.Appointment{due}, gotExpired)
}

func TestPublic(t *testing.T) {
	a := newAppointment(appointments.Booked, time.Hour)
	require.Equal(t, appointments.Appointment{
		ID: a.ID, Version: 3, Status: appointments.Booked, Patient: a.PatientID.UUID, Doctor: doctor.UUID,
		Owner: a.OwnerID, StartsAt: a.StartsAt, TimeZone: "UTC",
	}, a.Public())
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	found, err := time.LoadLocation(name)
	require.NoError(t, err)
	return found
}
