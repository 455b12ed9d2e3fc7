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

func testBook(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	who, of := h.newUser(t), h.newType(t, func(d *domain.TypeDetails) { d.BufferBefore, d.BufferAfter = 5, 10 })
	patient := h.patientOf(t, who)
	t.Run("stores the appointment, announces it and records who did it", func(t *testing.T) {
		doctor := h.doctor(t)
		in := booking(patient, doctor, of, at(9, 0))
		in.Reason = " Cough "
		var made app.Shown
		var err error
		entries, changes := h.during(func() { made, err = h.Book(t.Context(), who, in) })
		require.NoError(t, err)
		require.Equal(t, appointments.Booked, made.Status)
		require.Equal(t, "Cough", made.Reason)
		require.Equal(t, []any{patient.ID, patients.Owned, doctor, of},
			[]any{made.Patient.ID, made.Patient.Reason, *made.Doctor, made.Type})
		require.False(t, made.AsPatient)
		require.Equal(t, who.UserID, made.OwnerID)
		require.Equal(t, []time.Time{at(8, 55), at(9, 0), at(9, 30), at(9, 40)},
			[]time.Time{made.BlocksFrom, made.StartsAt, made.EndsAt, made.BlocksTo})
		require.Equal(t, made.Appointment, h.stored(t, made.ID))
		entry := audit.NewEntry(audit.Create, "Appointment", made.ID.UUID)
		entry.PatientID, entry.Reason = patient.ID.UUID, patients.Owned
		require.Equal(t, []audit.Entry{entry}, entries)
		require.Equal(t, []appointments.Change{appointments.WasBooked}, changes)
		last := (*h.changes)[len(*h.changes)-1]
		require.Equal(t, made.Public(), last.Appointment)
		require.Equal(t, who, last.By)
	})
	t.Run("accepts neighbours whose blocks touch, and rejects those whose buffers overlap", func(t *testing.T) {
		doctor := h.doctor(t)
		h.booked(t, who, h.patientOf(t, who), doctor, of, at(9, 0))
		for start, taken := range map[time.Time]bool{
			at(8, 16): true, at(8, 15): false, at(9, 44): true, at(9, 45): false,
		} {
			_, err := h.Book(t.Context(), who, booking(h.patientOf(t, who), doctor, of, start))
			require.Equal(t, taken, errors.Is(err, appointments.ErrSlotTaken), "%v: %v", start, err)
		}
	})
	t.Run("stores nothing if it cannot be recorded", func(t *testing.T) {
		doctor := h.doctor(t)
		h.trail.Refuse(errs.New(errs.Unavailable, "unavailable", "The trail is full."))
		defer h.trail.Refuse(nil)
		_, err := h.Book(t.Context(), who, booking(patient, doctor, of, at(11, 0)))
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
		require.Empty(t, h.rows(t, doctor))
	})
	t.Run("rejects invalid fields before it looks up the patient", func(t *testing.T) {
		in := booking(patients.Patient{}, h.doctor(t), of, at(9, 0))
		in.Hold, in.Overbook = new(10), new("x")
		entries, _ := h.during(func() {
			_, err := h.Book(t.Context(), who, in)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		})
		require.Empty(t, entries)
	})
}

// TestErrorsRevealNoPatient sends bookings that would fail for many reasons, about a foreign and a missing patient.
func TestErrorsRevealNoPatient(t *testing.T) {
	h := newEnv(t, databasetest.SQLite(t))
	who, owner, doctor, of := h.newUser(t), h.newUser(t), h.doctor(t), h.newType(t, nil)
	foreign, missing := h.patientOf(t, owner), patients.Patient{ID: recordid.New[patients.ID]()}
	inactive := h.newType(t, func(d *domain.TypeDetails) { d.Active = false })
	taken := h.booked(t, owner, foreign, doctor, of, at(9, 0))
	changes := map[string]func(*domain.Booking){
		"a free time":       func(*domain.Booking) {},
		"a taken time":      func(in *domain.Booking) { in.Start = taken.StartsAt },
		"a missing doctor":  func(in *domain.Booking) { in.Doctor = recordid.New[doctors.ID]() },
		"a missing type":    func(in *domain.Booking) { in.Type = recordid.New[domain.TypeID]() },
		"an inactive type":  func(in *domain.Booking) { in.Type = inactive.ID },
		"a past time":       func(in *domain.Booking) { in.Start = now.Add(-time.Hour) },
		"a reservation":     func(in *domain.Booking) { in.Hold = new(5) },
		"overbooking":       func(in *domain.Booking) { in.Overbook = new("x") },
		"a time far ahead":  func(in *domain.Booking) { in.Start = now.AddDate(20, 0, 0) },
		"a patient's visit": func(in *domain.Booking) { in.Doctor, in.Start = h.doctor(t).ID, taken.StartsAt },
	}
	users := map[string]auth.Principal{
		"staff": who, "a doctor of another calendar": h.userOf(t, h.doctor(t)), "the doctor": h.userOf(t, doctor),
		"another patient": h.personOf(t, h.patientOf(t, owner)),
	}
	for name, change := range changes {
		for role, who := range users {
			t.Run(name+" by "+role, func(t *testing.T) {
				for kind, patient := range map[string]patients.Patient{"foreign": foreign, "missing": missing} {
					in := booking(patient, doctor, taken.Type, at(15, 0))
					change(&in)
					calls := map[string]func() error{
						"Book":          func() error { _, err := h.Book(t.Context(), who, in); return err },
						"FindConflicts": func() error { _, err := h.FindConflicts(t.Context(), who, in); return err },
						"BookSeries": func() error {
							repeat := domain.Repetition{Frequency: "weekly", Interval: 1, Count: 2}
							_, err := h.BookSeries(t.Context(), who, in, repeat)
							return err
						},
					}
					for call, do := range calls {
						entries, _ := h.during(func() {
							require.Equal(t, patients.ErrNotFound, do(), "%s, %s", call, kind)
						})
						require.Equal(t, []audit.Entry{
							refused(audit.Patient, in.Patient.UUID, 404, auth.Reason{}),
						}, entries)
					}
				}
			})
		}
	}
}

func TestRulesOfBooking(t *testing.T) {
	h := newEnv(t, databasetest.SQLite(t))
	h.rules.lead = 120
	h.rules.change = func(r *calendar.Rules) {
		r.Horizon = 60
		for i := range r.Windows {
			r.Windows[i].Minutes = calendar.Minutes{From: 9 * 60, To: 17 * 60}
		}
	}
	who, doctor := h.newUser(t), h.doctor(t)
	patient := h.patientOf(t, who)
	person := h.personOf(t, patient)
	open, internal := h.newType(t, nil), h.newType(t, func(d *domain.TypeDetails) { d.ForPatients = false })
	inactive := h.newType(t, func(d *domain.TypeDetails) { d.Active = false })
	monday := func(hour, minute int) time.Time {
		return now.Add(time.Duration(hour-6)*time.Hour + time.Duration(minute)*time.Minute)
	}
	for name, c := range map[string]struct {
		who   auth.Principal
		start time.Time
		of    domain.Type
		err   error
	}{
		"staff book between the starts that are offered": {who, at(9, 7), open, nil},
		"a patient does not":                             {person, at(9, 7), open, appointments.ErrNotAvailable},
		"a patient books a start that is offered":        {person, at(9, 15), open, nil},
		"before the opening hours":                       {who, at(8, 45), open, appointments.ErrNotAvailable},
		"a visit that ends after the opening hours":      {who, at(16, 45), open, appointments.ErrNotAvailable},
		"the last visit":                                 {who, at(16, 30), open, nil},
		"the last day of the horizon":                    {who, at(16, 30).AddDate(0, 0, 59), open, nil},
		"the day after": {
			who, at(9, 0).AddDate(0, 0, 60), open, appointments.ErrOutsideWindow,
		},
		"the past": {
			who, at(9, 0).AddDate(0, 0, -2), open, appointments.ErrOutsideWindow,
		},
		"a type that is inactive":                      {who, at(10, 0), inactive, appointments.ErrNotBookable},
		"an internal type by a patient":                {person, at(10, 0), internal, appointments.ErrNotBookable},
		"an internal type by staff":                    {who, at(10, 0), internal, nil},
		"less than the lead time ahead, also by staff": {who, monday(9, 0), open, appointments.ErrOutsideWindow},
		"a minute less than the lead time ahead":       {who, monday(10, 0), open, appointments.ErrOutsideWindow},
		"exactly the lead time ahead":                  {who, monday(10, 1), open, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h.clock.Advance(now.Add(2*time.Hour + time.Minute).Sub(h.clock.Now()))
			in := booking(patient, doctor, c.of, c.start)
			found, missing := h.FindConflicts(t.Context(), c.who, in)
			made, err := h.Book(t.Context(), c.who, in)
			require.ErrorIs(t, missing, c.err)
			require.ErrorIs(t, err, c.err)
			if c.err == nil {
				require.NoError(t, found.Unwrap())
				_, err = h.Cancel(t.Context(), who, made.ID, revision.Match{}, domain.Cancellation{})
				require.NoError(t, err)
			}
		})
	}
	t.Run("a missing doctor or type is not found", func(t *testing.T) {
		in := booking(patient, doctors.Doctor{ID: recordid.New[doctors.ID]()}, open, at(9, 0))
		_, err := h.Book(t.Context(), who, in)
		require.ErrorIs(t, err, doctors.ErrNotFound)
		unknown := domain.Type{ID: recordid.New[domain.TypeID]()}
		_, err = h.Book(t.Context(), who, booking(patient, doctor, unknown, at(9, 0)))
		require.ErrorIs(t, err, appointments.ErrTypeNotFound)
	})
}

func testWhoMayBook(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	owner, doctor := h.newUser(t), h.doctor(t)
	of := h.newType(t, func(d *domain.TypeDetails) { d.NeedsConfirmation = true })
	patient := h.patientOf(t, owner)
	person, writer := h.personOf(t, patient), h.colleagueOf(t, patient, patients.Write)
	reader, treating, other := h.colleagueOf(t, patient, patients.Read), h.userOf(t, doctor), h.userOf(t, h.doctor(t))
	h.patients.Share(doctor.ID.UUID, patient.ID, "care", patients.Read)
	h.patients.Share(other.For[1].ID, patient.ID, "care", patients.Read)
	delegate := h.colleagueOf(t, patient, patients.Read)
	h.patients.Share(delegate.UserID, patient.ID, "delegate", patients.Read)
	for i, c := range []struct {
		name  string
		who   auth.Principal
		want  appointments.Status // "": read_only
		basis string
	}{
		{"the owner", owner, appointments.Booked, "keep"},
		{"a colleague who may change the patient", writer, appointments.Booked, "share"},
		{"a colleague who may read the patient", reader, "", "share"},
		{"the doctor, who may read the patient", treating, appointments.Booked, "care"},
		{"a doctor who may read the patient, for another doctor", other, "", "care"},
		{"the patient, who requests it", person, appointments.Pending, "self"},
		{"a delegate, who requests it", delegate, appointments.Pending, "delegate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := booking(patient, doctor, of, at(8+i, 0))
			var made app.Shown
			var err error
			entries, changes := h.during(func() { made, err = h.Book(t.Context(), c.who, in) })
			require.Len(t, entries, 1)
			require.Equal(t, c.basis, entries[0].Reason.Basis)
			require.Equal(t, patient.ID.UUID, entries[0].PatientID)
			if c.want == "" {
				require.ErrorIs(t, err, patients.ErrReadOnly)
				require.Equal(t, refused(audit.Patient, patient.ID.UUID, 403, entries[0].Reason), entries[0])
				require.Empty(t, changes)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, made.Status)
			require.Equal(t, c.want == appointments.Pending, made.AsPatient)
			want := appointments.WasBooked
			if made.AsPatient {
				want = appointments.WasRequested
			}
			require.Equal(t, []appointments.Change{want}, changes)
		})
	}
	t.Run("a patient does not overbook", func(t *testing.T) {
		in := booking(patient, doctor, of, at(20, 0))
		in.Overbook = new("I am in a hurry")
		entries, _ := h.during(func() {
			_, err := h.Book(t.Context(), person, in)
			require.ErrorIs(t, err, appointments.ErrNotPatients)
			_, err = h.FindConflicts(t.Context(), person, in)
			require.ErrorIs(t, err, appointments.ErrNotPatients)
		})
		require.Len(t, entries, 2)
		require.Equal(t, []int{403, 403}, []int{entries[0].Status, entries[1].Status})
		require.Equal(t, "self", entries[0].Reason.Basis)
	})
}

func testConflictsOfABooking(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	who, stranger, of := h.newUser(t), h.newUser(t), h.newType(t, nil)
	doctor, other := h.doctor(t), h.doctor(t)
	patient := h.patientOf(t, who)
	foreign := h.booked(t, stranger, h.patientOf(t, stranger), doctor, of, at(9, 15))
	own := h.booked(t, who, h.patientOf(t, who), doctor, of, at(8, 45))
	visit := h.booked(t, who, patient, other, of, at(9, 0))
	h.booked(t, who, h.patientOf(t, who), doctor, of, at(9, 45))
	h.booked(t, who, patient, h.doctor(t), of, at(10, 15))
	wanted := []app.ConflictShown{
		{With: domain.WithDoctor, From: at(8, 45), To: at(9, 15), ID: own.ID},
		{With: domain.WithDoctor, From: at(9, 15), To: at(9, 45)}, // of a patient of another user
		{With: domain.WithPatient, From: at(9, 0), To: at(9, 30), ID: visit.ID},
	}
	t.Run("are all listed, without the ids of foreign appointments, with the next free times", func(t *testing.T) {
		_, err := h.Book(t.Context(), who, booking(patient, doctor, of, at(9, 0)))
		require.ErrorIs(t, err, appointments.ErrSlotTaken)
		var found *app.Conflicting
		require.ErrorAs(t, err, &found)
		require.Equal(t, wanted, found.Conflicts)
		require.Equal(t, []time.Time{at(10, 45), at(11, 0), at(11, 15)}, found.NextFree,
			"the doctor and the patient are free")
	})
	t.Run("are the same without booking, and the list is recorded", func(t *testing.T) {
		rows := len(h.rows(t, doctor))
		entries, changes := h.during(func() {
			found, err := h.FindConflicts(t.Context(), who, booking(patient, doctor, of, at(9, 0)))
			require.NoError(t, err)
			require.Equal(t, wanted, found.Conflicts)
			require.ErrorIs(t, found, appointments.ErrSlotTaken)
			require.Len(t, found.NextFree, 3)
		})
		require.Empty(t, changes)
		require.Len(t, h.rows(t, doctor), rows)
		require.Len(t, entries, 1)
		require.Equal(t, audit.List, entries[0].Action)
		require.Equal(t, patient.ID.UUID, entries[0].PatientID)
		require.Equal(t, []uuid.UUID{own.ID.UUID, visit.ID.UUID}, entries[0].IDs)
	})
	t.Run("of the patient only are patient_busy", func(t *testing.T) {
		_, err := h.Book(t.Context(), who, booking(patient, h.doctor(t), of, at(9, 0)))
		require.ErrorIs(t, err, appointments.ErrPatientBusy)
	})
	t.Run("the doctor learns the ids of the own calendar", func(t *testing.T) {
		acting := h.userOf(t, doctor)
		visitor := h.patientOf(t, stranger)
		h.patients.Share(doctor.ID.UUID, visitor.ID, "care", patients.Read)
		_, err := h.Book(t.Context(), acting, booking(visitor, doctor, of, at(9, 0)))
		var found *app.Conflicting
		require.ErrorAs(t, err, &found)
		require.Equal(t, []appointments.ID{own.ID, foreign.ID},
			[]appointments.ID{found.Conflicts[0].ID, found.Conflicts[1].ID})
	})
	t.Run("a free time has no conflicts", func(t *testing.T) {
		found, err := h.FindConflicts(t.Context(), who, booking(patient, doctor, of, at(12, 0)))
		require.NoError(t, err)
		require.NoError(t, found.Unwrap())
		require.Empty(t, found.Conflicts)
	})
}

func testReservations(t *testing.T, db *database.DB) {
	t.Run("a time is reserved, and confirmed until it expires", func(t *testing.T) {
		h := newEnv(t, db)
		who, doctor := h.newUser(t), h.doctor(t)
		of := h.newType(t, func(d *domain.TypeDetails) { d.NeedsConfirmation = true })
		patient := h.patientOf(t, who)
		person := h.personOf(t, patient)
		hold := func(who auth.Principal, hour int) app.Shown {
			in := booking(patient, doctor, of, at(hour, 0))
			in.Hold = new(10)
			made, err := h.Book(t.Context(), who, in)
			require.NoError(t, err)
			return made
		}
		var first app.Shown
		_, changes := h.during(func() { first = hold(who, 9) })
		require.Equal(t, []appointments.Change{appointments.WasHeld}, changes)
		require.Equal(t, appointments.Held, first.Status)
		require.Equal(t, now.Add(10*time.Minute), first.ExpiresAt)
		second, third := hold(person, 10), hold(who, 11)
		h.clock.Advance(10*time.Minute - time.Microsecond)
		_, err := h.Book(t.Context(), who, booking(h.patientOf(t, who), doctor, of, at(9, 0)))
		require.ErrorIs(t, err, appointments.ErrSlotTaken)
		for made, want := range map[*app.Shown]struct {
			who    auth.Principal
			status appointments.Status
			change appointments.Change
		}{
			&first:  {who, appointments.Booked, appointments.WasBooked},
			&second: {person, appointments.Pending, appointments.WasRequested},
		} {
			_, changes := h.during(func() {
				confirmed, err := h.Confirm(t.Context(), want.who, made.ID, revision.Match{})
				require.NoError(t, err)
				require.Equal(t, want.status, confirmed.Status)
			})
			require.Equal(t, []appointments.Change{want.change}, changes)
		}
		h.clock.Advance(time.Microsecond)
		_, err = h.Confirm(t.Context(), who, third.ID, revision.Match{})
		require.ErrorIs(t, err, appointments.ErrHoldExpired)
		_, err = h.Move(t.Context(), who, third.ID, revision.Match{}, domain.Move{Start: at(12, 0)})
		require.ErrorIs(t, err, appointments.ErrHoldExpired)
		_, changes = h.during(func() { h.booked(t, who, h.patientOf(t, who), doctor, of, at(11, 0)) })
		require.Equal(t, []appointments.Change{appointments.HasExpired, appointments.WasBooked}, changes)
		require.Equal(t, appointments.Expired, h.stored(t, third.ID).Status)
		_, err = h.Confirm(t.Context(), who, third.ID, revision.Match{})
		require.ErrorIs(t, err, appointments.ErrHoldExpired)
	})
	t.Run("an expired reservation of the patient with another doctor excludes nothing", func(t *testing.T) {
		h := newEnv(t, db)
		who, of := h.newUser(t), h.newType(t, nil)
		patient := h.patientOf(t, who)
		in := booking(patient, h.doctor(t), of, at(9, 0))
		in.Hold = new(1)
		held, err := h.Book(t.Context(), who, in)
		require.NoError(t, err)
		h.clock.Advance(time.Minute)
		h.booked(t, who, patient, h.doctor(t), of, at(9, 0))
		require.Equal(t, appointments.Expired, h.stored(t, held.ID).Status)
	})
	t.Run("a user has three at once, also with 20 requests at once", func(t *testing.T) {
		h := newEnv(t, db)
		who, of := h.newUser(t), h.newType(t, nil)
		all := h.patientsOf(t, who, 20)
		var doctorsOf []doctors.Doctor
		for range all {
			doctorsOf = append(doctorsOf, h.doctor(t))
		}
		hold := func(who auth.Principal, i int) (app.Shown, error) {
			in := booking(all[i], doctorsOf[i], of, at(9, 0))
			in.Hold = new(10)
			return h.Book(t.Context(), who, in)
		}
		made := make([]app.Shown, len(all))
		got := race(t, h, len(all), func(i int) (err error) {
			if made[i], err = hold(who, i); errors.Is(err, appointments.ErrTooManyHolds) {
				return appointments.ErrSlotTaken // which race expects
			}
			return err
		})
		require.Equal(t, outcome{done: 3, refused: 17}, got)
		other := h.newUser(t)
		patient := h.patientOf(t, other)
		in := booking(patient, h.doctor(t), of, at(9, 0))
		in.Hold = new(10)
		_, err := h.Book(t.Context(), other, in)
		require.NoError(t, err, "another user has three as well")
		h.booked(t, who, h.patientOf(t, who), h.doctor(t), of, at(9, 0)) // is no reservation
		for i := range all {
			if made[i].ID == (appointments.ID{}) {
				continue
			}
			_, err := h.Cancel(t.Context(), who, made[i].ID, revision.Match{}, domain.Cancellation{})
			require.NoError(t, err)
			_, err = hold(who, i)
			require.NoError(t, err, "one that was released does not count")
			break
		}
		_, err = hold(who, 0)
		require.Error(t, err)
		h.clock.Advance(10 * time.Minute)
		free := h.doctor(t)
		in = booking(h.patientOf(t, who), free, of, at(9, 0))
		in.Hold = new(10)
		_, err = h.Book(t.Context(), who, in)
		require.NoError(t, err, "nor do expired ones")
	})
}

func testLimitOfAPatient(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
	patient := h.patientOf(t, who)
	person := h.personOf(t, patient)
	hold := booking(patient, doctor, of, at(8, 0))
	hold.Hold = new(1)
	_, err := h.Book(t.Context(), person, hold)
	require.NoError(t, err)
	var all []app.Shown
	for i := range 4 {
		all = append(all, h.booked(t, who, patient, doctor, of, at(9+i, 0)))
	}
	refusedAt := func(hour int, why string) {
		_, err := h.Book(t.Context(), person, booking(patient, doctor, of, at(hour, 0)))
		require.ErrorIs(t, err, appointments.ErrLimitReached, why)
	}
	refusedAt(15, "a reservation counts")
	h.clock.Advance(time.Minute)
	h.booked(t, person, patient, doctor, of, at(15, 0)) // an expired reservation does not
	refusedAt(16, "five are open")
	_, err = h.BookSeries(t.Context(), person, booking(patient, doctor, of, at(17, 0)),
		domain.Repetition{Frequency: "daily", Interval: 1, Count: 2, Skip: true})
	require.ErrorIs(t, err, appointments.ErrLimitReached, "a series does not skip the limit")
	_, err = h.Move(t.Context(), person, all[0].ID, revision.Match{}, domain.Move{Start: at(18, 0)})
	require.NoError(t, err, "a move adds none")
	h.booked(t, who, patient, doctor, of, at(16, 0)) // the practice has no limit
	for _, one := range all[:2] {
		_, err := h.Cancel(t.Context(), person, one.ID, revision.Match{}, domain.Cancellation{})
		require.NoError(t, err)
	}
	h.booked(t, person, patient, doctor, of, at(19, 0))
	refusedAt(20, "five are open again")
	h.clock.Advance(at(11, 30).Sub(h.clock.Now())) // the visit at 11:00 is over
	h.booked(t, person, patient, doctor, of, at(20, 0))
}

func testOverbooking(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	h.rules.change = func(r *calendar.Rules) {
		for i := range r.Windows {
			r.Windows[i].Minutes = calendar.Minutes{From: 9 * 60, To: 17 * 60}
		}
	}
	who, of := h.newUser(t), h.newType(t, nil)
	overbook := func(patient patients.Patient, doctor doctors.Doctor, start time.Time) (app.Shown, error) {
		in := booking(patient, doctor, of, start)
		in.Overbook = new("an emergency")
		return h.Book(t.Context(), who, in)
	}
	t.Run("ignores conflicts, which it returns, and excludes later ordinary ones", func(t *testing.T) {
		doctor, patient := h.doctor(t), h.patientOf(t, who)
		first := h.booked(t, who, h.patientOf(t, who), doctor, of, at(9, 0))
		visit := h.booked(t, who, patient, h.doctor(t), of, at(9, 15))
		made, err := overbook(patient, doctor, at(9, 0))
		require.NoError(t, err)
		require.True(t, made.Overbooked)
		require.Equal(t, "an emergency", h.stored(t, made.ID).OverbookReason)
		require.Len(t, made.Conflicts, 2)
		require.Equal(t, []appointments.ID{first.ID, visit.ID},
			[]appointments.ID{made.Conflicts[0].ID, made.Conflicts[1].ID})
		for _, gone := range []app.Shown{first, visit} {
			_, err = h.Cancel(t.Context(), who, gone.ID, revision.Match{}, domain.Cancellation{})
			require.NoError(t, err)
		}
		_, err = h.Book(t.Context(), who, booking(h.patientOf(t, who), doctor, of, at(9, 0)))
		require.ErrorIs(t, err, appointments.ErrSlotTaken)
		_, err = h.Book(t.Context(), who, booking(patient, h.doctor(t), of, at(9, 0)))
		require.ErrorIs(t, err, appointments.ErrPatientBusy)
		again, err := overbook(h.patientOf(t, who), doctor, at(9, 0))
		require.NoError(t, err)
		require.True(t, again.Overbooked)
	})
	t.Run("without a conflict is an ordinary appointment", func(t *testing.T) {
		doctor := h.doctor(t)
		made, err := overbook(h.patientOf(t, who), doctor, at(9, 0))
		require.NoError(t, err)
		require.Equal(t, []any{false, ""}, []any{made.Overbooked, made.OverbookReason})
		require.Empty(t, made.Conflicts)
	})
	t.Run("ignores the opening hours", func(t *testing.T) {
		doctor := h.doctor(t)
		made, err := overbook(h.patientOf(t, who), doctor, at(19, 0))
		require.NoError(t, err)
		require.True(t, made.Overbooked)
		require.Empty(t, made.Conflicts)
		moved, err := h.Move(t.Context(), who, made.ID, revision.Match{}, domain.Move{Start: at(9, 0)})
		require.NoError(t, err)
		require.Equal(t, []any{false, ""}, []any{moved.Overbooked, moved.OverbookReason}, "it is ordinary now")
		_, err = h.Move(t.Context(), who, made.ID, revision.Match{}, domain.Move{Start: at(19, 0)})
		require.ErrorIs(t, err, appointments.ErrNotAvailable)
		moved, err = h.Move(t.Context(), who, made.ID, revision.Match{},
			domain.Move{Start: at(19, 0), Overbook: new("again")})
		require.NoError(t, err)
		require.True(t, moved.Overbooked)
	})
	t.Run("is possible until a day after the time", func(t *testing.T) {
		doctor := h.doctor(t)
		_, err := overbook(h.patientOf(t, who), doctor, now.Add(-24*time.Hour))
		require.NoError(t, err)
		_, err = overbook(h.patientOf(t, who), doctor, now.Add(-24*time.Hour-time.Minute))
		require.ErrorIs(t, err, appointments.ErrOutsideWindow)
		in := booking(h.patientOf(t, who), doctor, of, now.Add(-24*time.Hour-time.Minute))
		in.Overbook = new("x")
		_, err = h.FindConflicts(t.Context(), who, in)
		require.ErrorIs(t, err, appointments.ErrOutsideWindow)
	})
	t.Run("is impossible for a reservation, also when it is moved", func(t *testing.T) {
		doctor := h.doctor(t)
		h.booked(t, who, h.patientOf(t, who), doctor, of, at(10, 0))
		in := booking(h.patientOf(t, who), doctor, of, at(9, 0))
		in.Hold = new(10)
		held, err := h.Book(t.Context(), who, in)
		require.NoError(t, err)
		_, err = h.Move(t.Context(), who, held.ID, revision.Match{},
			domain.Move{Start: at(10, 0), Overbook: new("a trick")})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Equal(t, held.Appointment, h.stored(t, held.ID))
	})
	t.Run("asked for without overbooking, the conflicts are those that it would ignore", func(t *testing.T) {
		doctor := h.doctor(t)
		taken := h.booked(t, who, h.patientOf(t, who), doctor, of, at(15, 0))
		in := booking(h.patientOf(t, who), doctor, of, at(15, 0))
		in.Overbook = new("x")
		found, err := h.FindConflicts(t.Context(), who, in)
		require.NoError(t, err)
		require.NoError(t, found.Unwrap())
		require.Len(t, found.Conflicts, 1)
		require.Equal(t, taken.ID, found.Conflicts[0].ID)
	})
}

func testGroups(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	who, doctor := h.newUser(t), h.doctor(t)
	of := h.newType(t, func(d *domain.TypeDetails) { d.Capacity = 3 })
	all := h.patientsOf(t, who, 5)
	var members []app.Shown
	for seat := range 3 {
		made := h.booked(t, who, all[seat], doctor, of, at(9, 0))
		require.Equal(t, seat, made.Seat)
		members = append(members, made)
	}
	full := func(t *testing.T) {
		_, err := h.Book(t.Context(), who, booking(all[4], doctor, of, at(9, 0)))
		require.ErrorIs(t, err, appointments.ErrSessionFull)
		var found *app.Conflicting
		require.ErrorAs(t, err, &found)
		require.Empty(t, found.Conflicts)
		require.Len(t, found.NextFree, 3)
	}
	full(t)
	t.Run("a member's seat is free after the cancellation", func(t *testing.T) {
		_, err := h.Cancel(t.Context(), who, members[1].ID, revision.Match{}, domain.Cancellation{})
		require.NoError(t, err)
		members[1] = h.booked(t, who, all[3], doctor, of, at(9, 0))
		require.Equal(t, 1, members[1].Seat)
		full(t)
	})
	t.Run("the same patient is in a group once", func(t *testing.T) {
		_, err := h.Cancel(t.Context(), who, members[2].ID, revision.Match{}, domain.Cancellation{})
		require.NoError(t, err)
		_, err = h.Book(t.Context(), who, booking(all[0], doctor, of, at(9, 0)))
		require.ErrorIs(t, err, appointments.ErrPatientBusy)
		members[2] = h.booked(t, who, all[2], doctor, of, at(9, 0))
	})
	t.Run("another type or another start of the doctor conflicts with it", func(t *testing.T) {
		_, err := h.Book(t.Context(), who, booking(all[4], doctor, h.newType(t, nil), at(9, 0)))
		require.ErrorIs(t, err, appointments.ErrSlotTaken)
		_, err = h.Book(t.Context(), who, booking(all[4], doctor, of, at(9, 15)))
		require.ErrorIs(t, err, appointments.ErrSlotTaken)
	})
	t.Run("one member more is overbooked", func(t *testing.T) {
		in := booking(all[4], doctor, of, at(9, 0))
		in.Overbook = new("a sibling")
		made, err := h.Book(t.Context(), who, in)
		require.NoError(t, err)
		require.Equal(t, []any{true, 3}, []any{made.Overbooked, made.Seat})
	})
	t.Run("a missed member who arrives takes a free seat, or none", func(t *testing.T) {
		doctor := h.doctor(t)
		first := h.booked(t, who, all[0], doctor, of, at(12, 0))
		h.clock.Advance(at(12, 0).Sub(h.clock.Now()))
		_, err := h.MarkNoShow(t.Context(), who, first.ID, revision.Match{})
		require.NoError(t, err)
		second := h.booked(t, who, all[1], doctor, of, at(12, 0))
		require.Equal(t, first.Seat, second.Seat)
		arrived, err := h.Arrive(t.Context(), who, first.ID, revision.Match{})
		require.NoError(t, err)
		require.Equal(t, 1, arrived.Seat)
		late := h.booked(t, who, all[2], doctor, of, at(12, 0))
		_, err = h.MarkNoShow(t.Context(), who, late.ID, revision.Match{})
		require.NoError(t, err)
		h.booked(t, who, all[3], doctor, of, at(12, 0))
		_, err = h.Arrive(t.Context(), who, late.ID, revision.Match{})
		require.ErrorIs(t, err, appointments.ErrSessionFull)
	})
	t.Run("a changed length begins another group", func(t *testing.T) {
		_, err := h.types.Change(t.Context(), of.ID, func(of *domain.Type) error {
			return of.Amend(domain.TypeChanges{Minutes: new(45)}, now)
		})
		require.NoError(t, err)
		doctor := h.doctor(t)
		h.booked(t, who, all[0], doctor, of, at(15, 0))
		require.Equal(t, 45*time.Minute, h.booked(t, who, all[1], doctor, of, at(15, 0)).EndsAt.Sub(at(15, 0)))
	})
	h.requireNoOverlap(t)
}
