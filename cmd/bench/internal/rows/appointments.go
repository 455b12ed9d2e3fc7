package rows

import (
	"time"

	"github.com/google/uuid"

	"healthcare/platform/database"
)

// Calendars are the opening hours of all doctors of the plan and the appointments of the first of them: 14 of the 20
// half hours of a day are taken, for 31 days from a date on.
type Calendars struct {
	From time.Time // midnight (UTC) of the first day; zero: no appointments
}

const (
	// BusyDoctors is the number of doctors with appointments.
	BusyDoctors = 50
	busyDays    = 31
	perDay      = 14
	halfHours   = 20 // from eight to six
	opensAt     = 8 * time.Hour
	halfHour    = 30 * time.Minute
	weekdays    = 7
)

// Doctor returns the id of the n-th doctor.
func Doctor(n int) uuid.UUID { return id(doctorKind, n) }

// VisitType returns the id of the appointment type, of half an hour.
func VisitType() uuid.UUID { return id(typeKind, 0) }

// Bookable returns the doctor and the start of the n-th free half hour of the doctors without appointments. Those of
// one start have consecutive numbers.
func (p Plan) Bookable(n int) (doctor uuid.UUID, start time.Time) {
	free := p.doctors() - BusyDoctors
	nth := n / free
	return Doctor(BusyDoctors + n%free), p.Calendars.start(nth/halfHours+1, nth%halfHours)
}

func (c Calendars) start(day, nth int) time.Time {
	return c.From.AddDate(0, 0, day).Add(opensAt + time.Duration(nth)*halfHour)
}

func (p Plan) appointment(n int) []any {
	doctor, nth := n%BusyDoctors, n/BusyDoctors
	day, nth := nth/perDay, nth%perDay
	start := p.Calendars.start(day, nth*halfHours/perDay)
	starts, ends := database.At(start), database.At(start.Add(halfHour))
	patient := p.Readers() + n*31%(p.Patients-p.Readers()) // the reader books for the others
	own := id(appointmentKind, n)
	return []any{
		own, id(userKind, p.owner(patient)), Patient(patient), Doctor(doctor), "", VisitType(), own, 0,
		starts, ends, starts, ends, start.Format("2006-01-02T15:04"), "UTC", "booked", false, "", "", "", 0, 1,
		id(userKind, p.owner(patient)), at(n), at(n),
	}
}

// calendars returns the tables of appointments.
func (p Plan) calendars() []table {
	if p.Calendars.From.IsZero() {
		return nil
	}
	return []table{
		{
			"appointment_types",
			[]string{
				"id", "name", "minutes", "buffer_before", "buffer_after", "capacity", "needs_confirmation",
				"for_patients",
				"active", "version", "created_at", "updated_at",
			},
			1,
			func(n int) []any {
				return []any{VisitType(), "Check-up", 30, 0, 0, 1, false, true, true, 1, at(n), at(n)}
			},
		},
		{
			"availability",
			[]string{
				"doctor_id", "time_zone", "step_minutes", "lead_minutes", "horizon_days", "version", "updated_at",
			},
			p.doctors(),
			func(n int) []any { return []any{Doctor(n), "UTC", 30, 0, 730, 1, at(n)} },
		},
		{
			"availability_windows", []string{"id", "doctor_id", "weekday", "from_minute", "to_minute"},
			weekdays * p.doctors(),
			func(n int) []any {
				from := int(opensAt.Minutes())
				to := from + halfHours*int(halfHour.Minutes())
				return []any{id(windowKind, n), Doctor(n / weekdays), n % weekdays, from, to}
			},
		},
		{
			"appointments",
			[]string{
				"id", "owner_id", "patient_id", "doctor_id", "doctor_name", "type_id", "session_id", "seat",
				"starts_at", "ends_at", "blocks_from", "blocks_to", "local_start", "time_zone", "status", "overbooked",
				"overbook_reason", "reason", "cancel_reason", "sequence", "version",
				"created_by", "created_at", "updated_at",
			},
			BusyDoctors * busyDays * perDay,
			p.appointment,
		},
	}
}
