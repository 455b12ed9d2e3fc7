// Package domain defines appointments and the rules of booking. It is pure: no store, no HTTP, no clock of its own.
package domain

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/recordid"
	"healthcare/platform/timezone"
)

// Appointment is one visit of a patient. It takes the time from StartsAt to EndsAt of the patient, and the longer time
// from BlocksFrom to BlocksTo of the doctor.
type Appointment struct {
	ID         appointments.ID
	OwnerID    uuid.UUID // the patient's owner
	PatientID  patients.ID
	DoctorID   doctors.ID // zero: removed since
	DoctorName string     // of a removed doctor
	TypeID     TypeID
	SeriesID   uuid.UUID // zero: none

	SessionID uuid.UUID // the own id, or that of the group
	Seat      int       // in the group, from 0

	StartsAt   time.Time
	EndsAt     time.Time
	BlocksFrom time.Time
	BlocksTo   time.Time
	LocalStart string // the promised wall clock time, as in LocalLayout, in TimeZone
	TimeZone   string // IANA name

	Status         appointments.Status
	Overbooked     bool
	OverbookReason string
	Reason         string // of the visit
	CancelReason   string
	ExpiresAt      time.Time // of a reservation; zero otherwise

	Sequence  int // of iCalendar (RFC 5545, section 3.8.7.4): incremented by a move, a cancellation and Void
	Version   int // starts at 1 and is incremented by every change
	CreatedBy uuid.UUID
	CreatedAt time.Time
	UpdatedAt time.Time
}

// LocalLayout is the layout of Appointment.LocalStart.
const LocalLayout = "2006-01-02T15:04"

// New returns a new appointment of the patient without a time, which Place sets.
func New(patient patients.Patient, reason string, by uuid.UUID, now time.Time) Appointment {
	id := recordid.New[appointments.ID]()
	return Appointment{
		ID: id, OwnerID: patient.Owner, PatientID: patient.ID, SessionID: id.UUID, Reason: reason, Version: 1,
		CreatedBy: by, CreatedAt: now, UpdatedAt: now,
	}
}

// Place sets the doctor, the type and the time of the visit, with the length and the buffers of the type. The seat of
// a group is chosen later.
func (a *Appointment) Place(doctor doctors.ID, of Type, start time.Time, zone *time.Location) {
	a.DoctorID, a.TypeID = doctor, of.ID
	a.StartsAt, a.EndsAt = start, start.Add(minutes(of.Minutes))
	a.BlocksFrom, a.BlocksTo = start.Add(-minutes(of.BufferBefore)), a.EndsAt.Add(minutes(of.BufferAfter))
	a.LocalStart, a.TimeZone = start.In(zone).Format(LocalLayout), zone.String()
	a.SessionID, a.Seat = a.ID.UUID, 0
	if of.Capacity > 1 {
		a.SessionID = Session(doctor, of, start)
	}
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

// Session returns the id of the group of a type with a doctor at a time. It depends on the length and the buffers, so
// that the members of a group block the same time of the doctor: a group that began with others accepts no new members.
func Session(doctor doctors.ID, of Type, start time.Time) uuid.UUID {
	name := append(doctor.UUID[:len(doctor.UUID):len(doctor.UUID)], of.ID.UUID[:]...)
	for _, n := range []int64{
		start.Unix(), int64(of.Minutes), int64(of.BufferBefore), int64(of.BufferAfter),
	} {
		name = binary.BigEndian.AppendUint64(name, uint64(n)) //nolint:gosec // the bits identify the number
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, name)
}

// Local returns the start in the time zone of the appointment, or in UTC if the zone is no longer known.
func (a Appointment) Local() time.Time {
	zone, err := timezone.Load(a.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return a.StartsAt.In(zone)
}

// Public returns the part for other modules.
func (a Appointment) Public() appointments.Appointment {
	return appointments.Appointment{
		ID: a.ID, Version: a.Version, Status: a.Status, Patient: a.PatientID.UUID, Doctor: a.DoctorID.UUID,
		Owner: a.OwnerID, StartsAt: a.StartsAt, TimeZone: a.TimeZone,
	}
}

// touch counts a change.
func (a *Appointment) touch(now time.Time) {
	a.Version++
	a.UpdatedAt = now
}
