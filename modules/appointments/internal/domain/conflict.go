package domain

import (
	"time"

	"healthcare/modules/appointments"
	"healthcare/platform/errs"
)

// Party is the one whose time two appointments take.
type Party string

// The parties.
const (
	WithDoctor  Party = "doctor"
	WithPatient Party = "patient"
)

// Conflict is an appointment that takes time which another one needs.
type Conflict struct {
	With     Party
	From, To time.Time // of the doctor: with the buffers
	Of       Appointment
}

// MaxBusy is the maximum number of appointments of one party that are searched for conflicts and for free seats: more
// than the members of a group.
const MaxBusy = 100

// MaxShown is the maximum number of conflicts that a response shows.
const MaxShown = 50

// MaxBlock is the longest time that an appointment takes of a doctor. The schema checks it, because the search for
// conflicts begins that long before a time.
const MaxBlock = 24 * time.Hour

// Conflicts returns the conflicts of an appointment with others that take some of its time: first those of the doctor,
// then those of the patient. Members of the appointment's group are none.
func (a Appointment) Conflicts(ofDoctor, ofPatient []Appointment) (found []Conflict) {
	for _, other := range ofDoctor {
		if other.ID != a.ID && other.SessionID != a.SessionID {
			found = append(found, Conflict{WithDoctor, other.BlocksFrom, other.BlocksTo, other})
		}
	}
	for _, other := range ofPatient {
		if other.ID != a.ID {
			found = append(found, Conflict{WithPatient, other.StartsAt, other.EndsAt, other})
		}
	}
	return found
}

// SplitExpired separates the reservations that have expired at now.
func SplitExpired(all []Appointment, now time.Time) (open, expired []Appointment) {
	for _, a := range all {
		if a.Status == appointments.Held && !a.ExpiresAt.After(now) {
			expired = append(expired, a)
		} else {
			open = append(open, a)
		}
	}
	return open, expired
}

// FreeSeat returns the lowest seat that no member of the appointment's group has, which is below the capacity unless
// the group is full.
func (a Appointment) FreeSeat(ofDoctor []Appointment) (seat int) {
	taken := map[int]bool{}
	for _, other := range ofDoctor {
		if other.SessionID == a.SessionID && other.ID != a.ID {
			taken[other.Seat] = true
		}
	}
	for taken[seat] {
		seat++
	}
	return seat
}

// ErrConflicts returns the error of an appointment that cannot be booked because of conflicts, of which there is at
// least one: that of the doctor if there are both.
func ErrConflicts(all []Conflict) *errs.Error {
	if all[0].With == WithPatient {
		return appointments.ErrPatientBusy
	}
	return appointments.ErrSlotTaken
}
