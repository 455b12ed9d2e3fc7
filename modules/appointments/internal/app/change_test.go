package app_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

// call is a use case that changes an appointment.
type call func(h env, t *testing.T, who auth.Principal, id appointments.ID, expected revision.Match) error

// calls are all use cases that change an appointment.
var calls = map[string]call{
	"Confirm": func(h env, t *testing.T, who auth.Principal, id appointments.ID, expected revision.Match) error {
		_, err := h.Confirm(t.Context(), who, id, expected)
		return err
	},
	"Cancel": func(h env, t *testing.T, who auth.Principal, id appointments.ID, expected revision.Match) error {
		_, err := h.Cancel(t.Context(), who, id, expected, domain.Cancellation{})
		return err
	},
	"Move": func(h env, t *testing.T, who auth.Principal, id appointments.ID, expected revision.Match) error {
		_, err := h.Move(t.Context(), who, id, expected, domain.Move{Start: at(20, 0)})
		return err
	},
	"Arrive": func(h env, t *testing.T, who auth.Principal, id appointments.ID, expected revision.Match) error {
		_, err := h.Arrive(t.Context(), who, id, expected)
		return err
	},
	"Complete": func(h env, t *testing.T, who auth.Principal, id appointments.ID, expected revision.Match) error {
		_, err := h.Complete(t.Context(), who, id, expected)
		return err
	},
	"MarkNoShow": func(h env, t *testing.T, who auth.Principal, id appointments.ID, expected revision.Match) error {
		_, err := h.MarkNoShow(t.Context(), who, id, expected)
		return err
	},
	"Void": func(h env, t *testing.T, who auth.Principal, id appointments.ID, expected revision.Match) error {
		_, err := h.Void(t.Context(), who, id, expected)
		return err
	},
	"Amend": func(h env, t *testing.T, who auth.Principal, id appointments.ID, expected revision.Match) error {
		_, err := h.Amend(t.Context(), who, id, expected, new("Cough"))
		return err
	},
}

// testLifeOfAnAppointment follows appointments through the steps, with the events and the entries of each.
func testLifeOfAnAppointment(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	who, doctor := h.newUser(t), h.doctor(t)
	of := h.newType(t, func(d *domain.TypeDetails) { d.NeedsConfirmation = true })
	patient := h.patientOf(t, who)
	person := h.personOf(t, patient)
	a := h.booked(t, person, patient, doctor, of, at(9, 0))
	require.Equal(t, appointments.Pending, a.Status)
	for _, step := range []struct {
		name   string
		status appointments.Status
		change appointments.Change // "": none
		fields []string
	}{
		{"Confirm", appointments.Booked, appointments.WasBooked, []string{"status"}},
		{"Amend", appointments.Booked, "", []string{"reason"}},
		{"Amend", appointments.Booked, "", nil},
		{"Move", appointments.Booked, appointments.WasMoved, []string{"starts_at"}},
		{"MarkNoShow", appointments.NoShow, appointments.WasMissed, []string{"status"}},
		{"Arrive", appointments.Arrived, appointments.HasArrived, []string{"status"}},
		{"Complete", appointments.Fulfilled, appointments.WasFulfilled, []string{"status"}},
		{"Void", appointments.EnteredInError, appointments.WasVoided, []string{"status"}},
	} {
		t.Run(step.name+" makes it "+string(step.status), func(t *testing.T) {
			before := h.stored(t, a.ID)
			if step.name == "MarkNoShow" {
				require.ErrorIs(t, calls[step.name](h, t, who, a.ID, revision.Match{}), appointments.ErrTooEarly)
				h.clock.Advance(before.StartsAt.Sub(h.clock.Now()))
			}
			entries, changes := h.during(func() {
				require.NoError(t, calls[step.name](h, t, who, a.ID, revision.OneOf(before.Version)))
			})
			after := h.stored(t, a.ID)
			require.Equal(t, step.status, after.Status)
			entry := audit.NewEntry(audit.Update, "Appointment", a.ID.UUID)
			entry.PatientID, entry.Reason, entry.Fields = patient.ID.UUID, patients.Owned, step.fields
			require.Equal(t, []audit.Entry{entry}, entries)
			version := before.Version
			if step.fields != nil {
				version++
			}
			require.Equal(t, version, after.Version)
			if step.change == "" {
				require.Empty(t, changes)
				return
			}
			require.Equal(t, []appointments.Change{step.change}, changes)
			require.Equal(t, after.Public(), (*h.changes)[len(*h.changes)-1].Appointment)
		})
	}
	for name, do := range calls {
		t.Run(name+" rejects another version, and changes nothing", func(t *testing.T) {
			made := h.booked(t, who, h.patientOf(t, who), h.doctor(t), of, at(22, 0))
			entries, changes := h.during(func() {
				require.ErrorIs(t, do(h, t, who, made.ID, revision.OneOf(2)), revision.ErrStale)
			})
			require.Empty(t, entries)
			require.Empty(t, changes)
			require.Equal(t, made.Appointment, h.stored(t, made.ID))
		})
	}
	t.Run("no step is stored that cannot be recorded", func(t *testing.T) {
		for name, do := range calls {
			if name == "Complete" || name == "MarkNoShow" || name == "Confirm" {
				continue // of another status
			}
			made := h.booked(t, who, h.patientOf(t, who), h.doctor(t), of, at(22, 0))
			h.trail.Refuse(errs.New(errs.Unavailable, "unavailable", "The trail is full."))
			err := do(h, t, who, made.ID, revision.Match{})
			h.trail.Refuse(nil)
			require.Equal(t, errs.Unavailable, errs.KindOf(err), name)
			require.Equal(t, made.Appointment, h.stored(t, made.ID))
		}
	})
	t.Run("an invalid reason changes nothing", func(t *testing.T) {
		made := h.booked(t, who, h.patientOf(t, who), h.doctor(t), of, at(22, 0))
		_, err := h.Cancel(t.Context(), who, made.ID, revision.Match{}, domain.Cancellation{Reason: "holidays"})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		_, err = h.Amend(t.Context(), who, made.ID, revision.Match{}, nil)
		require.NoError(t, err)
		require.Equal(t, made.Appointment, h.stored(t, made.ID))
	})
	t.Run("a cancelled time is free, and the appointment stays", func(t *testing.T) {
		doctor := h.doctor(t)
		made := h.booked(t, who, h.patientOf(t, who), doctor, of, at(22, 0))
		cancelled, err := h.Cancel(t.Context(), who, made.ID, revision.Match{}, domain.Cancellation{Reason: "Weather"})
		require.NoError(t, err)
		require.Equal(t, []any{appointments.Cancelled, "weather", 1},
			[]any{cancelled.Status, cancelled.CancelReason, cancelled.Sequence})
		h.booked(t, who, h.patientOf(t, who), doctor, of, at(22, 0))
	})
	t.Run("a missed patient arrives if no other has the time", func(t *testing.T) {
		doctor, missed := h.doctor(t), h.patientOf(t, who)
		made := h.booked(t, who, missed, doctor, of, at(20, 30))
		h.clock.Advance(at(20, 30).Sub(h.clock.Now()))
		_, err := h.MarkNoShow(t.Context(), who, made.ID, revision.Match{})
		require.NoError(t, err)
		in := booking(h.patientOf(t, who), doctor, of, at(20, 45))
		in.Hold = new(1)
		held, err := h.Book(t.Context(), who, in)
		require.NoError(t, err)
		_, err = h.Arrive(t.Context(), who, made.ID, revision.Match{})
		require.ErrorIs(t, err, appointments.ErrSlotTaken)
		h.clock.Advance(time.Minute)
		_, changes := h.during(func() {
			_, err = h.Arrive(t.Context(), who, made.ID, revision.Match{})
			require.NoError(t, err, "an expired reservation excludes nothing")
		})
		require.Equal(t, []appointments.Change{appointments.HasExpired, appointments.HasArrived}, changes)
		require.Equal(t, appointments.Expired, h.stored(t, held.ID).Status)
	})
	t.Run("a missed patient does not arrive on top of an overbooked appointment", func(t *testing.T) {
		h := newEnv(t, db)
		doctor := h.doctor(t)
		made := h.booked(t, who, h.patientOf(t, who), doctor, of, at(20, 30))
		h.clock.Advance(at(20, 30).Sub(h.clock.Now()))
		_, err := h.MarkNoShow(t.Context(), who, made.ID, revision.Match{})
		require.NoError(t, err)
		in := booking(h.patientOf(t, who), doctor, of, at(20, 45))
		in.Overbook = new("Urgent")
		h.rules.change = func(r *calendar.Rules) { r.Windows = nil } // so that it is overbooked
		over, err := h.Book(t.Context(), who, in)
		h.rules.change = nil
		require.NoError(t, err)
		require.True(t, over.Overbooked)
		_, err = h.Arrive(t.Context(), who, made.ID, revision.Match{})
		require.ErrorIs(t, err, appointments.ErrSlotTaken)
		conflicting, is := errors.AsType[*app.Conflicting](err)
		require.True(t, is)
		require.Len(t, conflicting.Conflicts, 1)
		require.Equal(t, over.ID, conflicting.Conflicts[0].ID)
		require.NotEmpty(t, conflicting.NextFree)
	})
}

// TestStepsOfEachUser has the result of each use case by the user: "" for success, "404", "403 practice", and
// "403 read" for a patient whom the user may read only.
func TestStepsOfEachUser(t *testing.T) {
	h := newEnv(t, databasetest.SQLite(t))
	owner, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
	patient := h.patientOf(t, owner)
	of2 := h.newType(t, func(d *domain.TypeDetails) { d.NeedsConfirmation = true })
	person := h.personOf(t, patient)
	visited, treating, hiding := h.userOf(t, doctor), h.doctor(t), h.doctor(t)
	caring, hidden := h.userOf(t, treating), h.userOf(t, hiding)
	h.patients.Share(treating.ID.UUID, patient.ID, "care", patients.Read)
	h.patients.Restrict(hiding.ID.UUID, patient.ID)
	all, steps := []string{"Confirm", "Cancel", "Move", "Amend"}, []string{"Arrive", "Complete", "MarkNoShow"}
	for _, c := range []struct {
		name                string
		who                 auth.Principal
		doctor              doctors.Doctor
		changes, does, void string
		basis               string
	}{
		{"the owner", owner, doctor, "", "", "", "keep"},
		{"a colleague who may change", h.colleagueOf(t, patient, patients.Write), doctor, "", "", "", "share"},
		{"a colleague who may read", h.colleagueOf(t, patient, patients.Read), doctor, "403 read", "403 read",
			"403 read", "share"},
		{"the patient", person, doctor, "", "403 practice", "403 practice", "self"},
		{"the doctor who treats the patient", caring, treating, "", "", "403 practice", "care"},
		{"another doctor who treats the patient", caring, doctor, "403 read", "403 read", "403 read", "care"},
		{"the doctor of the calendar without an assignment", visited, doctor, "", "", "403 practice", "care"},
		{"the doctor from whom the patient is hidden", hidden, hiding, "", "", "403 practice", ""},
		{"another doctor from whom the patient is hidden", hidden, doctor, "404", "404", "404", ""},
		{"a stranger", h.newUser(t), doctor, "404", "404", "404", ""},
	} {
		for _, name := range append(append(append([]string{}, all...), steps...), "Void") {
			t.Run(name+" by "+c.name, func(t *testing.T) {
				want := c.changes
				switch name {
				case "Void":
					want = c.void
				case "Arrive", "Complete", "MarkNoShow":
					want = c.does
				}
				h.clock.Advance(now.Sub(h.clock.Now()))
				id := h.prepare(t, owner, person, name, booking(patient, c.doctor, of, at(12, 0)), of2)
				before := h.stored(t, id)
				if want != "" {
					require.NotEmpty(t, before.Status)
				}
				if name == "Confirm" && c.name == "the patient" {
					want = "403 practice"
				}
				entries, changes := h.during(func() {
					err := calls[name](h, t, c.who, id, revision.Match{})
					switch want {
					case "":
						require.NoError(t, err)
					case "404":
						require.Equal(t, appointments.ErrNotFound, err)
						unknown := recordid.New[appointments.ID]()
						require.Equal(t, calls[name](h, t, c.who, unknown, revision.Match{}), err)
					case "403 practice":
						require.ErrorIs(t, err, appointments.ErrNotPatients)
					case "403 read":
						require.ErrorIs(t, err, patients.ErrReadOnly)
					}
				})
				require.NotEmpty(t, entries)
				require.Equal(t, c.basis, entries[0].Reason.Basis)
				if want == "" {
					require.Equal(t, patient.ID.UUID, entries[0].PatientID)
					require.Equal(t, name != "Amend", len(changes) == 1)
				} else {
					status := map[byte]int{'3': 403, '4': 404}[want[2]]
					require.Equal(t, refused("Appointment", id.UUID, status, entries[0].Reason), entries[0])
					require.Equal(t, before, h.stored(t, id))
				}
				h.clear(t, owner, id)
			})
		}
	}
}

// prepare books an appointment and brings it to a status in which the use case is possible.
func (h env) prepare(
	t *testing.T, owner, person auth.Principal, name string, in domain.Booking, confirmed domain.Type,
) appointments.ID {
	t.Helper()
	by := owner
	if name == "Confirm" {
		in.Type, by = confirmed.ID, person
	}
	made, err := h.Book(t.Context(), by, in)
	require.NoError(t, err)
	switch name {
	case "Complete":
		_, err = h.Arrive(t.Context(), owner, made.ID, revision.Match{})
		require.NoError(t, err)
	case "MarkNoShow":
		h.clock.Advance(made.StartsAt.Sub(h.clock.Now()))
	}
	return made.ID
}

// clear frees the time of the appointment.
func (h env) clear(t *testing.T, owner auth.Principal, id appointments.ID) {
	t.Helper()
	if h.stored(t, id).Status.Active() {
		_, err := h.Void(t.Context(), owner, id, revision.Match{})
		require.NoError(t, err)
	}
}

func TestLeadTimeOfAPatient(t *testing.T) {
	h := newEnv(t, databasetest.SQLite(t))
	h.rules.lead = 60
	who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
	patient := h.patientOf(t, who)
	person := h.personOf(t, patient)
	for late, left := range map[bool]time.Duration{false: time.Hour, true: time.Hour - time.Microsecond} {
		for _, name := range []string{"Cancel", "Move"} {
			h.clock.Advance(now.Sub(h.clock.Now()))
			made := h.booked(t, who, patient, doctor, of, at(12, 0))
			h.clock.Advance(at(12, 0).Add(-left).Sub(h.clock.Now()))
			err := calls[name](h, t, person, made.ID, revision.Match{})
			if late {
				require.ErrorIs(t, err, appointments.ErrTooLate, name)
				require.NoError(t, calls[name](h, t, who, made.ID, revision.Match{}), "the practice does")
			} else {
				require.NoError(t, err, name)
			}
			h.clear(t, who, made.ID)
		}
	}
}

func testMove(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	who, of := h.newUser(t), h.newType(t, func(d *domain.TypeDetails) { d.BufferAfter = 10 })
	longer := h.newType(t, func(d *domain.TypeDetails) { d.Minutes = 60 })
	move := func(who auth.Principal, a app.Shown, to domain.Move) (app.Shown, error) {
		return h.Move(t.Context(), who, a.ID, revision.Match{}, to)
	}
	t.Run("it keeps its id, and all but its place", func(t *testing.T) {
		doctor, other := h.doctor(t), h.doctor(t)
		made := h.booked(t, who, h.patientOf(t, who), doctor, of, at(9, 0))
		h.clock.Advance(time.Minute)
		entries, changes := h.during(func() {
			moved, err := move(who, made, domain.Move{Start: at(10, 0), Doctor: &other.ID, Type: &longer.ID})
			require.NoError(t, err)
			want := made.Appointment
			want.Place(other.ID, longer, at(10, 0), time.UTC)
			want.Version, want.Sequence, want.UpdatedAt = 2, 1, now.Add(time.Minute)
			require.Equal(t, want, moved.Appointment)
			require.Equal(t, want, h.stored(t, made.ID))
			require.Equal(t, []any{other, longer}, []any{*moved.Doctor, moved.Type})
		})
		require.Equal(t, []appointments.Change{appointments.WasMoved}, changes)
		require.Len(t, entries, 1)
		require.Equal(t, []string{"doctor", "type", "starts_at"}, entries[0].Fields)
		h.booked(t, who, h.patientOf(t, who), doctor, of, at(9, 0))
	})
	t.Run("it may overlap its own old time", func(t *testing.T) {
		made := h.booked(t, who, h.patientOf(t, who), h.doctor(t), of, at(9, 0))
		_, err := move(who, made, domain.Move{Start: at(9, 15)})
		require.NoError(t, err)
		_, err = move(who, made, domain.Move{Start: at(9, 15)})
		require.NoError(t, err, "and be the same")
	})
	t.Run("it keeps its old time if the new one is taken", func(t *testing.T) {
		doctor, patient := h.doctor(t), h.patientOf(t, who)
		made := h.booked(t, who, patient, doctor, of, at(9, 0))
		taken := h.booked(t, who, h.patientOf(t, who), doctor, of, at(10, 0))
		visit := h.booked(t, who, patient, h.doctor(t), of, at(12, 0))
		_, err := move(who, made, domain.Move{Start: at(10, 15)})
		var found *app.Conflicting
		require.ErrorAs(t, err, &found)
		require.ErrorIs(t, err, appointments.ErrSlotTaken)
		require.Equal(t, []app.ConflictShown{
			{With: domain.WithDoctor, From: at(10, 0), To: at(10, 40), ID: taken.ID},
		}, found.Conflicts)
		require.Len(t, found.NextFree, 3)
		_, err = move(who, made, domain.Move{Start: at(12, 15)})
		require.ErrorIs(t, err, appointments.ErrPatientBusy)
		require.Equal(t, made.Appointment, h.stored(t, made.ID))
		moved, err := move(who, made, domain.Move{Start: at(12, 15), Overbook: new("both are short")})
		require.NoError(t, err)
		require.Equal(t, visit.ID, moved.Conflicts[0].ID)
		require.True(t, h.stored(t, made.ID).Overbooked)
	})
	t.Run("a doctor moves it to no other doctor, and the patient does", func(t *testing.T) {
		doctor, other, patient := h.doctor(t), h.doctor(t), h.patientOf(t, who)
		acting, person := h.userOf(t, doctor), h.personOf(t, patient)
		made := h.booked(t, who, patient, doctor, of, at(9, 0))
		entries, _ := h.during(func() {
			_, err := move(acting, made, domain.Move{Start: at(10, 0), Doctor: &other.ID})
			require.ErrorIs(t, err, patients.ErrReadOnly)
		})
		require.Len(t, entries, 1)
		require.Equal(t, 403, entries[0].Status)
		_, err := move(acting, made, domain.Move{Start: at(10, 0), Doctor: &doctor.ID})
		require.NoError(t, err)
		_, err = move(person, made, domain.Move{Start: at(11, 0), Doctor: &other.ID})
		require.NoError(t, err)
		_, err = move(person, made, domain.Move{Start: at(12, 0), Overbook: new("please")})
		require.ErrorIs(t, err, appointments.ErrNotPatients)
		_, err = move(person, made, domain.Move{Start: at(12, 7)})
		require.ErrorIs(t, err, appointments.ErrNotAvailable, "between the starts that are offered")
	})
	t.Run("a patient who moves it to a type that the practice confirms requests it again", func(t *testing.T) {
		confirmed := h.newType(t, func(d *domain.TypeDetails) { d.NeedsConfirmation = true })
		internal := h.newType(t, func(d *domain.TypeDetails) { d.ForPatients = false })
		patient := h.patientOf(t, who)
		person := h.personOf(t, patient)
		made := h.booked(t, who, patient, h.doctor(t), of, at(9, 0))
		moved, err := move(person, made, domain.Move{Start: at(10, 0), Type: &confirmed.ID})
		require.NoError(t, err)
		require.Equal(t, appointments.Pending, moved.Status)
		_, err = move(person, made, domain.Move{Start: at(10, 0), Type: &internal.ID})
		require.ErrorIs(t, err, appointments.ErrNotBookable)
	})
	t.Run("it keeps a type that can no longer be booked", func(t *testing.T) {
		old := h.newType(t, nil)
		made := h.booked(t, who, h.patientOf(t, who), h.doctor(t), old, at(9, 0))
		require.NoError(t, h.db.Write(t.Context()).
			Exec("UPDATE appointment_types SET active = FALSE WHERE id = ?", old.ID).Error)
		_, err := move(who, made, domain.Move{Start: at(10, 0), Type: &old.ID})
		require.ErrorIs(t, err, appointments.ErrNotBookable)
		moved, err := move(who, made, domain.Move{Start: at(10, 0)})
		require.NoError(t, err)
		require.Equal(t, old.ID, moved.TypeID)
	})
	t.Run("a reservation that is moved keeps its minutes", func(t *testing.T) {
		in := booking(h.patientOf(t, who), h.doctor(t), of, at(9, 0))
		in.Hold = new(10)
		held, err := h.Book(t.Context(), who, in)
		require.NoError(t, err)
		moved, err := move(who, held, domain.Move{Start: at(10, 0)})
		require.NoError(t, err)
		require.Equal(t, []any{appointments.Held, held.ExpiresAt}, []any{moved.Status, moved.ExpiresAt})
	})
	t.Run("the rules of a missing doctor, type or reason are those of booking", func(t *testing.T) {
		made := h.booked(t, who, h.patientOf(t, who), h.doctor(t), of, at(9, 0))
		_, err := move(who, made, domain.Move{Start: at(9, 0), Doctor: &doctors.ID{UUID: uuid.New()}})
		require.ErrorIs(t, err, doctors.ErrNotFound)
		_, err = move(who, made, domain.Move{Start: at(9, 0), Type: &domain.TypeID{UUID: uuid.New()}})
		require.ErrorIs(t, err, appointments.ErrTypeNotFound)
		_, err = move(who, made, domain.Move{Start: now.Add(-time.Hour)})
		require.ErrorIs(t, err, appointments.ErrOutsideWindow)
		_, err = move(who, made, domain.Move{Start: at(9, 0), Overbook: new(string(make([]byte, 201)))})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
	})
	h.requireNoOverlap(t)
}
