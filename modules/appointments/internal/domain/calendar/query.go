package calendar

import (
	"time"

	"github.com/google/uuid"
)

// Reason is the reason why a date has no slots or a time cannot be booked.
type Reason string

// The values of Reason.
const (
	NoAvailability Reason = "no_availability" // the opening hours contain no such visit
	Holiday        Reason = "holiday"         // closed all day by the practice
	FullyBooked    Reason = "fully_booked"    // the doctor, or the patient of the query, is busy
	LeadTime       Reason = "lead_time"       // starts before now + lead, or in the past
	BeyondHorizon  Reason = "beyond_horizon"  // starts after the last date that can be booked
)

// Busy is the time [From, To) of one active appointment.
type Busy struct {
	From, To time.Time
	Session  uuid.UUID // the appointments of a group have one session, all others have their own; unused for patients
}

// Query describes the slots to find.
type Query struct {
	Now    time.Time
	Type   uuid.UUID
	Length Length

	// Capacity is the number of seats. Above 1, a slot is also free if all blocks that overlap its own are of the group
	// that starts with it, and fewer than Capacity. Session returns the session of the group of this doctor and type
	// that starts at a time. It is called only for slots whose overlapping blocks are all of one session.
	Capacity int
	Session  func(start time.Time) uuid.UUID

	// Busy contains the blocks of the doctor, one per appointment; PatientBusy the visits of a patient, if the slots
	// are for one. Both are sorted by From, may overlap, and should contain all that overlap Rules.Reach.
	Busy, PatientBusy []Busy
}

// Slot is a time that can be booked.
type Slot struct {
	Start time.Time // UTC
	Free  int       // seats, 1 unless the type is for groups
}

// Day contains the slots of the opening hours that begin on a date, in ascending order. A start that is inside the
// hours of two dates is a slot of the first only. Reason is "" exactly if there are slots.
type Day struct {
	Date   Date
	Reason Reason
	Slots  []Slot
}
