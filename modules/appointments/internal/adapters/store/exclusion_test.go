package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/platform/database"
)

// The constraints of a place. Both engines have them, with these names.
const (
	doctorConstraint  = "appointments_doctor_id_excl"
	patientConstraint = "appointments_patient_id_excl"
	seatConstraint    = "appointments_session_id_seat_key"
)

// requireViolates requires the error of the constraint, or none for "".
func requireViolates(t require.TestingT, constraint string, err error) {
	if constraint == "" {
		require.NoError(t, err)
		return
	}
	require.True(t, database.Violates(err, constraint), "%s: %v", constraint, err)
	require.ErrorIs(t, err, map[string]error{
		doctorConstraint: appointments.ErrSlotTaken, patientConstraint: appointments.ErrPatientBusy,
		seatConstraint: appointments.ErrSessionFull,
	}[constraint])
}

// TestExclusion inserts one appointment of 9:00 to 9:30 and then another one, without the checks of the use cases.
func TestExclusion(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		group := uuid.New()
		first := f.visit(0, 0, at(9, 0), at(9, 30))
		other := func(from, to time.Time) domain.Appointment { return f.visit(1, 0, from, to) }
		same, ofPatient := other(at(9, 0), at(9, 30)), f.visit(0, 1, at(9, 0), at(9, 30))
		buffered := with(first, func(a *domain.Appointment) { a.BlocksFrom, a.BlocksTo = at(8, 45), at(9, 45) })
		ended := with(first, func(a *domain.Appointment) { a.Status = appointments.Cancelled })
		overbooked := with(first, func(a *domain.Appointment) { a.Overbooked = true })
		wholeDay := with(first, func(a *domain.Appointment) { a.BlocksFrom, a.BlocksTo = at(0, 0), at(24, 0) })
		for name, c := range map[string]struct {
			first, second domain.Appointment
			violates      string
		}{
			"the same time": {first, same, doctorConstraint},
			"a time that begins earlier": {
				first, other(at(8, 45), at(9, 1)), doctorConstraint,
			},
			"a time that ends later": {
				first, other(at(9, 29), at(10, 0)), doctorConstraint,
			},
			"a microsecond": {
				first, other(at(9, 30).Add(-time.Microsecond), at(10, 0)), doctorConstraint,
			},
			"a longer time around it": {
				first, other(at(8, 0), at(11, 0)), doctorConstraint,
			},
			"a shorter time within it": {
				first, other(at(9, 10), at(9, 20)), doctorConstraint,
			},
			"a time that ends as it begins, or begins as it ends": {first, other(at(9, 30), at(10, 0)), ""},
			"the buffer before": {
				buffered, other(at(8, 30), at(8, 46)), doctorConstraint,
			},
			"the buffer after": {
				buffered, other(at(9, 44), at(10, 0)), doctorConstraint,
			},
			"the time next to a buffer": {buffered, other(at(9, 45), at(10, 0)), ""},
			"the last minute of a whole day": {
				wholeDay, other(at(23, 59), at(24, 10)), doctorConstraint,
			},
			"the minute after a whole day": {wholeDay, other(at(24, 0), at(24, 10)), ""},
			"the time of another doctor":   {first, f.visit(1, 1, at(9, 0), at(9, 30)), ""},
			"the patient's time with another doctor": {
				first, f.visit(0, 1, at(9, 15), at(9, 45)), patientConstraint,
			},
			"the patient's next time": {first, f.visit(0, 1, at(9, 30), at(9, 45)), ""},
			"the patient's buffer": {
				buffered, f.visit(0, 1, at(9, 30), at(9, 45)), "",
			},
			"the time of doctor and patient": {
				first, f.visit(0, 0, at(9, 0), at(9, 30)), doctorConstraint,
			},
			"the time of a cancelled appointment":   {ended, same, ""},
			"the time of an overbooked appointment": {overbooked, same, ""},
			"an overbooked appointment on another":  {first, with(same, overbook), ""},
			"an overbooked one of the patient":      {first, with(ofPatient, overbook), ""},
			"another seat of the group": {
				inGroup(first, group, 0), inGroup(same, group, 1), "",
			},
			"a seat that is taken": {
				inGroup(first, group, 0), inGroup(same, group, 0), seatConstraint,
			},
			"an overbooked one on a taken seat": {
				inGroup(first, group, 0), with(inGroup(same, group, 0), overbook), seatConstraint,
			},
			"the seat of a cancelled appointment": {
				inGroup(ended, group, 0), inGroup(same, group, 0), "",
			},
			"a group's time": {
				inGroup(first, group, 0), inGroup(same, uuid.New(), 0), doctorConstraint,
			},
			"the patient's second seat of a group": {
				inGroup(first, group, 0), inGroup(f.visit(0, 0, at(9, 0), at(9, 30)), group, 1), patientConstraint,
			},
			"the time of an expired reservation": {
				held(first, midnight.AddDate(-1, 0, 0)), same, doctorConstraint,
			},
			"a reservation on another":                {first, held(same, at(9, 0)), doctorConstraint},
			"an appointment without a doctor":         {first, with(same, release), ""},
			"one without a doctor beside another one": {with(first, release), with(same, release), ""},
		} {
			t.Run(name, func(t *testing.T) {
				f.exec(t, "DELETE FROM appointments")
				f.mustAdd(t, c.first)
				requireViolates(t, c.violates, f.Add(t.Context(), c.second))
				if c.violates == "" || c.violates == seatConstraint {
					return
				}
				f.exec(t, "DELETE FROM appointments")
				f.mustAdd(t, c.second)
				requireViolates(t, c.violates, f.Add(t.Context(), c.first))
			})
		}
		t.Run("the time of a member of a group that another member's time follows", func(t *testing.T) {
			f.exec(t, "DELETE FROM appointments")
			f.mustAdd(t, inGroup(f.visit(0, 0, at(9, 0), at(12, 0)), group, 0))
			f.mustAdd(t, inGroup(f.visit(1, 0, at(10, 0), at(10, 30)), group, 1))
			requireViolates(t, doctorConstraint, f.Add(t.Context(), f.visit(2, 0, at(11, 0), at(11, 30))))
		})
		t.Run("one statement with two appointments of the same time", func(t *testing.T) {
			f.exec(t, "DELETE FROM appointments")
			f.mustAdd(t, f.visit(0, 0, at(9, 0), at(9, 30)))
			f.mustAdd(t, f.visit(1, 1, at(9, 0), at(9, 30)))
			f.exec(t, "UPDATE appointments SET status = 'cancelled'")
			f.exec(t, "CREATE TABLE copies AS SELECT * FROM appointments")
			f.exec(t, "DELETE FROM appointments")
			f.exec(t, "UPDATE copies SET status = 'booked'")
			insert := func() error {
				return f.db.Write(t.Context()).Exec("INSERT INTO appointments SELECT * FROM copies").Error
			}
			f.exec(t, "UPDATE copies SET doctor_id = ?", f.doctors[0])
			err := insert()
			require.True(t, database.Violates(err, doctorConstraint), "%v", err)
			f.exec(t, "UPDATE copies SET doctor_id = NULL, patient_id = ?", f.patients[0])
			err = insert()
			require.True(t, database.Violates(err, patientConstraint), "%v", err)
		})
	})
}

func overbook(a *domain.Appointment) { a.Overbooked, a.OverbookReason = true, "urgent" }

func release(a *domain.Appointment) { a.DoctorID = doctors.ID{} }

// TestExclusionOfUpdates changes one column of an appointment so that it would take the time of another one.
func TestExclusionOfUpdates(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		group := uuid.New()
		for name, c := range map[string]struct {
			first, second domain.Appointment
			change        func(*domain.Appointment)
			violates      string
		}{
			"the doctor": {
				f.visit(0, 0, at(9, 0), at(9, 30)), f.visit(1, 1, at(9, 0), at(9, 30)),
				func(a *domain.Appointment) { a.DoctorID = f.doctors[0] }, doctorConstraint,
			},
			"the start of the block": {
				f.visit(0, 0, at(9, 0), at(9, 30)), f.visit(1, 0, at(9, 30), at(10, 0)),
				func(a *domain.Appointment) { a.BlocksFrom = at(9, 29) }, doctorConstraint,
			},
			"the end of the block": {
				f.visit(0, 0, at(9, 30), at(10, 0)), f.visit(1, 0, at(9, 0), at(9, 30)),
				func(a *domain.Appointment) { a.BlocksTo = at(9, 31) }, doctorConstraint,
			},
			"the start": {
				f.visit(0, 0, at(9, 0), at(9, 30)), bufferedVisit(f, 0, 1, at(9, 30), at(10, 0)),
				func(a *domain.Appointment) { a.StartsAt = at(9, 29) }, patientConstraint,
			},
			"the end": {
				f.visit(0, 0, at(9, 30), at(10, 0)), bufferedVisit(f, 0, 1, at(9, 0), at(9, 30)),
				func(a *domain.Appointment) { a.EndsAt = at(9, 31) }, patientConstraint,
			},
			"the status of a cancelled one": {
				f.visit(0, 0, at(9, 0), at(9, 30)), cancelled(f.visit(1, 0, at(9, 0), at(9, 30))),
				func(a *domain.Appointment) { a.Status = appointments.Booked }, doctorConstraint,
			},
			"an overbooked one to an ordinary one": {
				f.visit(0, 0, at(9, 0), at(9, 30)), overbookedVisit(f, 1, 0, at(9, 0), at(9, 30)),
				func(a *domain.Appointment) { a.Overbooked = false }, doctorConstraint,
			},
			"the group": {
				inGroup(f.visit(0, 0, at(9, 0), at(9, 30)), group, 0),
				inGroup(f.visit(1, 0, at(9, 0), at(9, 30)), group, 1),
				func(a *domain.Appointment) { a.SessionID = a.ID.UUID }, doctorConstraint,
			},
			"the seat": {
				inGroup(f.visit(0, 0, at(9, 0), at(9, 30)), group, 0),
				inGroup(f.visit(1, 0, at(9, 0), at(9, 30)), group, 1),
				func(a *domain.Appointment) { a.Seat = 0 }, seatConstraint,
			},
			"the time into the own old time": {
				f.visit(0, 0, at(10, 0), at(10, 30)), f.visit(1, 0, at(9, 0), at(9, 30)),
				func(a *domain.Appointment) { setTime(a, at(9, 15), at(9, 45)) }, "",
			},
			"the time to before another one": {
				f.visit(0, 0, at(10, 0), at(10, 30)), f.visit(1, 0, at(11, 0), at(11, 30)),
				func(a *domain.Appointment) { setTime(a, at(9, 30), at(10, 0)) }, "",
			},
			"the time to that of another one": {
				f.visit(0, 0, at(10, 0), at(10, 30)), f.visit(1, 0, at(11, 0), at(11, 30)),
				func(a *domain.Appointment) { setTime(a, at(9, 30), at(10, 1)) }, doctorConstraint,
			},
			"the status to cancelled": {
				f.visit(0, 0, at(10, 0), at(10, 30)), overbookedVisit(f, 1, 0, at(10, 0), at(10, 30)),
				func(a *domain.Appointment) { a.Status, a.Overbooked = appointments.Cancelled, false }, "",
			},
			"the reason of an overbooked one": {
				f.visit(0, 0, at(10, 0), at(10, 30)), overbookedVisit(f, 1, 0, at(10, 0), at(10, 30)),
				func(a *domain.Appointment) { a.Reason = "check-up" }, "",
			},
		} {
			t.Run(name, func(t *testing.T) {
				f.exec(t, "DELETE FROM appointments")
				f.mustAdd(t, c.first)
				before := f.mustAdd(t, c.second)
				changed, err := f.Change(t.Context(), before.ID, func(a *domain.Appointment) error {
					c.change(a)
					a.Version++
					return nil
				})
				requireViolates(t, c.violates, err)
				if c.violates != "" {
					changed = before
				}
				require.Equal(t, changed, f.mustFind(t, before.ID))
			})
		}
		t.Run("the patient", func(t *testing.T) { // never changed by the store
			f.exec(t, "DELETE FROM appointments")
			f.mustAdd(t, f.visit(0, 0, at(9, 0), at(9, 30)))
			second := f.mustAdd(t, f.visit(1, 1, at(9, 0), at(9, 30)))
			err := f.db.Write(t.Context()).Exec("UPDATE appointments SET patient_id = ? WHERE id = ?",
				f.patients[0], second.ID).Error
			require.True(t, database.Violates(err, patientConstraint), "%v", err)
		})
	})
}

func cancelled(a domain.Appointment) domain.Appointment {
	a.Status = appointments.Cancelled
	return a
}

func overbookedVisit(f fixture, patient, doctor int, from, to time.Time) domain.Appointment {
	a := f.visit(patient, doctor, from, to)
	overbook(&a)
	return a
}

// bufferedVisit has buffers of 30 minutes.
func bufferedVisit(f fixture, patient, doctor int, from, to time.Time) domain.Appointment {
	a := f.visit(patient, doctor, from, to)
	a.BlocksFrom, a.BlocksTo = from.Add(-30*time.Minute), to.Add(30*time.Minute)
	return a
}

// TestBlocksAreShort checks that no row takes more than a day, on which the search for conflicts relies.
func TestBlocksAreShort(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		for _, from := range []time.Time{at(0, 0), at(9, 0).Add(123456 * time.Microsecond)} {
			f.exec(t, "DELETE FROM appointments")
			f.mustAdd(t, f.visit(0, 0, from, from.Add(domain.MaxBlock)))
			err := f.Add(t.Context(), f.visit(1, 1, from, from.Add(domain.MaxBlock+time.Microsecond)))
			require.ErrorContains(t, err, "appointments_block_check")
		}
	})
}

// TestExclusionEqualsModel inserts and changes random rows, and compares each result with a search for overlaps among
// all rows. Both engines accept the same rows, because the model knows no engine. The rows are also such that no use
// case stores: members of a group with different times and doctors, and overbooked rows in groups.
func TestExclusionEqualsModel(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		groups := []uuid.UUID{uuid.New(), uuid.New()}
		rapid.Check(t, func(rt *rapid.T) {
			f.exec(t, "DELETE FROM appointments")
			var stored []domain.Appointment
			for range rapid.IntRange(2, 20).Draw(rt, "rows") {
				if len(stored) == 0 || rapid.IntRange(0, 2).Draw(rt, "change") > 0 {
					a := f.visit(rapid.IntRange(0, len(f.patients)-1).Draw(rt, "patient"), 0, midnight, midnight)
					f.drawPlace(rt, &a, groups)
					expected := violation(a, stored)
					requireViolates(rt, expected, f.Add(t.Context(), a))
					if expected == "" {
						stored = append(stored, a)
					}
					continue
				}
				i := rapid.IntRange(0, len(stored)-1).Draw(rt, "changed")
				a := stored[i]
				a.Version++
				f.drawPlace(rt, &a, groups)
				expected := violation(a, stored)
				_, err := f.Change(t.Context(), a.ID, func(found *domain.Appointment) error {
					*found = a
					return nil
				})
				requireViolates(rt, expected, err)
				if expected == "" {
					stored[i] = a
				}
			}
		})
	})
}

// drawPlace draws the doctor, the time, the group and the status.
func (f fixture) drawPlace(rt *rapid.T, a *domain.Appointment, groups []uuid.UUID) {
	a.DoctorID = rapid.SampledFrom([]doctors.ID{f.doctors[0], f.doctors[0], f.doctors[1], {}}).Draw(rt, "doctor")
	from := rapid.IntRange(0, 60).Draw(rt, "from") * 5
	length := rapid.SampledFrom([]int{5, 5, 10, 10, 15, 30, 60, 120}).Draw(rt, "length")
	switch rapid.IntRange(0, 9).Draw(rt, "another day") {
	case 0:
		length = 1380
	case 1:
		from += 1440
	}
	setTime(a, minute(from), minute(from+length))
	buffer := rapid.SampledFrom([]int{0, 0, 5, 15})
	a.BlocksFrom, a.BlocksTo = minute(from-buffer.Draw(rt, "before")), minute(from+length+buffer.Draw(rt, "after"))
	a.SessionID, a.Seat = a.ID.UUID, 0
	if rapid.Bool().Draw(rt, "in a group") {
		a.SessionID = rapid.SampledFrom(groups).Draw(rt, "group")
		a.Seat = rapid.IntRange(0, 2).Draw(rt, "seat")
	}
	a.Overbooked = rapid.IntRange(0, 5).Draw(rt, "overbooked") == 0
	a.Status = rapid.SampledFrom([]appointments.Status{
		appointments.Held, appointments.Pending, appointments.Booked, appointments.Booked, appointments.Arrived,
		appointments.Fulfilled, appointments.Cancelled,
	}).Draw(rt, "status")
	if a.ExpiresAt = (time.Time{}); a.Status == appointments.Held {
		a.ExpiresAt = midnight.Add(time.Duration(rapid.IntRange(-1, 1).Draw(rt, "expires")) * time.Hour)
	}
}

// violation returns the first constraint that a row violates beside the others, in the order in which the schema
// declares them.
func violation(a domain.Appointment, stored []domain.Appointment) string {
	others := slices.DeleteFunc(slices.Clone(stored), func(b domain.Appointment) bool {
		return b.ID == a.ID || !b.Status.Active()
	})
	if !a.Status.Active() {
		return ""
	}
	excludes := func(b domain.Appointment) bool { return !a.Overbooked && !b.Overbooked }
	switch {
	case slices.ContainsFunc(others, func(b domain.Appointment) bool {
		return excludes(b) && a.DoctorID != (doctors.ID{}) && a.DoctorID == b.DoctorID && a.SessionID != b.SessionID &&
			a.BlocksFrom.Before(b.BlocksTo) && b.BlocksFrom.Before(a.BlocksTo)
	}):
		return doctorConstraint
	case slices.ContainsFunc(others, func(b domain.Appointment) bool {
		return excludes(b) && a.PatientID == b.PatientID && a.StartsAt.Before(b.EndsAt) && b.StartsAt.Before(a.EndsAt)
	}):
		return patientConstraint
	case slices.ContainsFunc(others, func(b domain.Appointment) bool {
		return a.SessionID == b.SessionID && a.Seat == b.Seat
	}):
		return seatConstraint
	}
	return ""
}
