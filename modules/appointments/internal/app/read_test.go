package app_test

import (
	"context"
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
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

// everything is a page of all appointments in the order of time.
var everything = paging.Request{
	Limit: 100, Count: true, Order: []paging.Order{{Column: "starts_at"}, {Column: "id"}},
}

// browsed returns the ids of the appointments that the user lists, which are as many as the total.
func (h env) browsed(t *testing.T, who auth.Principal, filter domain.Filter) (ids []appointments.ID, all []app.Shown) {
	t.Helper()
	page, err := h.Browse(t.Context(), who, filter, everything)
	require.NoError(t, err)
	for _, one := range page.Items {
		ids = append(ids, one.ID)
		read, err := h.Find(t.Context(), who, one.ID)
		require.NoError(t, err)
		require.Equal(t, read, one, "the list shows what is read by id")
	}
	require.NotNil(t, page.Total)
	require.EqualValues(t, len(ids), *page.Total)
	return ids, page.Items
}

func testWhoSeesWhat(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	owner, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
	patient, other := h.patientOf(t, owner), h.patientOf(t, owner)
	first := h.booked(t, owner, patient, doctor, of, at(9, 0)).ID
	second := h.booked(t, owner, patient, h.doctor(t), of, at(10, 0)).ID
	third := h.booked(t, owner, other, doctor, of, at(11, 0)).ID
	hidden := h.patientOf(t, owner)
	fourth := h.booked(t, owner, hidden, doctor, of, at(12, 0)).ID
	h.patients.Restrict(doctor.ID.UUID, hidden.ID)
	h.patients.Share(doctor.ID.UUID, other.ID, "care", patients.Read)
	colleague := h.colleagueOf(t, patient, patients.Read)
	deputy := h.newUser(t)
	deputy.For = []auth.Capacity{{ID: owner.UserID, Kind: auth.AsDeputy, Level: patients.Read}}
	own := h.patientOf(t, deputy)
	fifth := h.booked(t, deputy, own, h.doctor(t), of, at(13, 0)).ID
	both := h.userOf(t, doctor) // also stands in for the owner
	both.For = append(both.For, auth.Capacity{ID: owner.UserID, Kind: auth.AsDeputy, Level: patients.Read})
	all := []appointments.ID{first, second, third, fourth, fifth}
	for name, c := range map[string]struct {
		who    auth.Principal
		listed []appointments.ID
		byID   []appointments.ID
	}{
		"the owner":   {owner, all[:4], all[:4]},
		"the patient": {h.personOf(t, patient), all[:2], all[:2]},
		"the doctor": {
			h.userOf(t, doctor), []appointments.ID{first, third, fourth}, []appointments.ID{first, third, fourth},
		},
		"another doctor": {h.userOf(t, h.doctor(t)), nil, nil},
		"a colleague with whom a patient is shared": {colleague, nil, all[:2]},
		"a deputy":                              {deputy, all, all},
		"a doctor who is a deputy of the owner": {both, all[:4], all[:4]},
		"a stranger":                            {h.newUser(t), nil, nil},
	} {
		t.Run(name+" lists and reads", func(t *testing.T) {
			ids, _ := h.browsed(t, c.who, domain.Filter{})
			require.Equal(t, c.listed, ids)
			var byID []appointments.ID
			for _, id := range all {
				entries, _ := h.during(func() {
					shown, err := h.Find(t.Context(), c.who, id)
					if err == nil {
						require.Equal(t, id, shown.ID)
						byID = append(byID, id)
						return
					}
					require.Equal(t, appointments.ErrNotFound, err)
				})
				require.Len(t, entries, 1)
			}
			require.Equal(t, c.byID, byID)
		})
	}
	t.Run("a colleague lists those of one patient", func(t *testing.T) {
		ids, _ := h.browsed(t, colleague, domain.Filter{Patient: &patient.ID.UUID})
		require.Equal(t, all[:2], ids)
	})
	t.Run("a doctor sees the name of a patient without a grant, and nothing of a hidden one", func(t *testing.T) {
		acting := h.userOf(t, doctor)
		_, shown := h.browsed(t, acting, domain.Filter{Doctor: &doctor.ID.UUID})
		require.Len(t, shown, 3)
		require.Equal(t, patient.Name, shown[0].Patient.Name)
		require.Equal(t, auth.Reason{Basis: "care", For: doctor.ID.UUID}, shown[0].Patient.Reason)
		require.Nil(t, shown[2].Patient)
		entries, _ := h.during(func() {
			_, err := h.Find(t.Context(), acting, fourth)
			require.NoError(t, err)
			_, err = h.Find(t.Context(), acting, first)
			require.NoError(t, err)
		})
		require.Equal(t, uuid.Nil, entries[0].PatientID, "who is not shown")
		require.Equal(t, auth.Reason{}, entries[0].Reason)
		require.Equal(t, patient.ID.UUID, entries[1].PatientID)
		require.Equal(t, "care", entries[1].Reason.Basis)
	})
	t.Run("a list is recorded with the patients whose names it shows", func(t *testing.T) {
		entries, _ := h.during(func() {
			_, err := h.Browse(t.Context(), h.userOf(t, doctor), domain.Filter{}, everything)
			require.NoError(t, err)
		})
		require.Equal(t, audit.Resource("Appointment"), entries[0].Resource)
		require.Equal(t, []uuid.UUID{first.UUID, third.UUID, fourth.UUID}, entries[0].IDs)
		var seen []uuid.UUID
		for _, entry := range entries[1:] {
			require.Equal(t, []any{audit.List, audit.Patient}, []any{entry.Action, entry.Resource})
			seen = append(seen, append(entry.IDs, entry.PatientID)...)
		}
		require.Contains(t, seen, patient.ID.UUID)
		require.Contains(t, seen, other.ID.UUID)
		require.NotContains(t, seen, hidden.ID.UUID)
	})
	t.Run("a list by a foreign or missing patient is empty, and recorded as a refusal", func(t *testing.T) {
		for _, id := range []uuid.UUID{patient.ID.UUID, uuid.New()} {
			entries, _ := h.during(func() {
				page, err := h.Browse(t.Context(), h.userOf(t, h.doctor(t)), domain.Filter{Patient: &id}, everything)
				require.NoError(t, err)
				require.Empty(t, page.Items)
				require.Zero(t, *page.Total)
			})
			require.Equal(t, []audit.Entry{refused(audit.Patient, id, 200, auth.Reason{})}, entries)
		}
	})
	t.Run("nothing is shown that cannot be recorded", func(t *testing.T) {
		h.trail.Refuse(context.DeadlineExceeded)
		defer h.trail.Refuse(nil)
		_, err := h.Find(t.Context(), owner, first)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = h.Find(t.Context(), owner, recordid.New[appointments.ID]())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = h.Browse(t.Context(), owner, domain.Filter{}, everything)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("a filter narrows the list", func(t *testing.T) {
		series, err := h.BookSeries(t.Context(), owner, booking(other, h.doctor(t), of, at(15, 0)), weekly(2))
		require.NoError(t, err)
		_, err = h.Cancel(t.Context(), owner, second, revision.Match{}, domain.Cancellation{})
		require.NoError(t, err)
		for name, c := range map[string]struct {
			filter domain.Filter
			want   []appointments.ID
		}{
			"by status": {domain.Filter{Status: appointments.Cancelled}, []appointments.ID{second}},
			"by series": {
				domain.Filter{Series: &series.ID}, []appointments.ID{series.Booked[0].ID, series.Booked[1].ID},
			},
			"by time":     {domain.Filter{From: at(9, 0), To: at(11, 0)}, []appointments.ID{first, second}},
			"by a doctor": {domain.Filter{Doctor: &doctor.ID.UUID, From: at(9, 1)}, []appointments.ID{third, fourth}},
			"by a patient": {
				domain.Filter{Patient: &patient.ID.UUID, Doctor: &doctor.ID.UUID}, []appointments.ID{first},
			},
		} {
			ids, _ := h.browsed(t, owner, c.filter)
			require.Equal(t, c.want, ids, name)
		}
	})
	t.Run("pages have each once", func(t *testing.T) {
		request := everything
		request.Limit, request.Count = 2, false
		var ids []appointments.ID
		for {
			page, err := h.Browse(t.Context(), both, domain.Filter{}, request)
			require.NoError(t, err)
			for _, one := range page.Items {
				ids = append(ids, one.ID)
			}
			if page.Next == nil {
				break
			}
			request.After = page.Next
		}
		whole, _ := h.browsed(t, both, domain.Filter{})
		require.Equal(t, whole, ids)
	})
}

// react publishes an event to the subscription, as its module does.
func (h env) react(t *testing.T, of events.Subscription, event any) error {
	t.Helper()
	return h.db.Do(t.Context(), func(ctx context.Context) error { return events.New(of).Publish(ctx, event) })
}

func testReactions(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	who, to, of, repository := h.newUser(t), h.newUser(t), h.newType(t, nil), store.New(db)
	doctor := h.doctor(t)
	t.Run("the appointments of a removed patient are removed, and no others", func(t *testing.T) {
		gone, stays := h.patientOf(t, who), h.patientOf(t, who)
		for i, patient := range []patients.Patient{gone, stays, gone} {
			h.booked(t, who, patient, doctor, of, at(9+i, 0))
		}
		entries, changes := h.during(func() {
			deleted := patients.Deleted{IDs: []patients.ID{gone.ID}, By: who}
			require.NoError(t, h.react(t, app.WhenPatientDeleted(repository, store.NewWaitingList(db)), deleted))
		})
		require.Empty(t, entries)
		require.Empty(t, changes)
		ids, all := h.browsed(t, who, domain.Filter{})
		require.Len(t, ids, 1)
		require.Equal(t, stays.ID, all[0].PatientID)
	})
	t.Run("the appointments of a transferred patient have the new owner, and the same version", func(t *testing.T) {
		patient, stays := h.patientOf(t, who), h.patientOf(t, who)
		moved := h.booked(t, who, patient, doctor, of, at(12, 0))
		other := h.booked(t, who, stays, doctor, of, at(13, 0))
		transferred := patients.Transferred{IDs: []patients.ID{patient.ID}, From: who.UserID, To: to.UserID, By: who}
		require.NoError(t, h.react(t, app.WhenPatientTransferred(repository, store.NewWaitingList(db)), transferred))
		want := moved.Appointment
		want.OwnerID = to.UserID
		require.Equal(t, want, h.stored(t, moved.ID))
		require.Equal(t, other.Appointment, h.stored(t, other.ID))
	})
	t.Run("a doctor with an open appointment is not removed", func(t *testing.T) {
		removing, deleted := app.WhenDoctorRemoving(repository, h.clock), h.whenDoctorDeleted(repository)
		for i, c := range []struct {
			name    string
			prepare func(a app.Shown) error
			removed bool
		}{
			{"booked", func(app.Shown) error { return nil }, false},
			{"arrived", func(a app.Shown) error { return calls["Arrive"](h, t, who, a.ID, revision.Match{}) }, false},
			{"cancelled", func(a app.Shown) error { return calls["Cancel"](h, t, who, a.ID, revision.Match{}) }, true},
			{"void", func(a app.Shown) error { return calls["Void"](h, t, who, a.ID, revision.Match{}) }, true},
			{"over", func(a app.Shown) error { h.clock.Advance(a.EndsAt.Sub(h.clock.Now())); return nil }, true},
			{"beginning to be over", func(a app.Shown) error {
				h.clock.Advance(a.EndsAt.Sub(h.clock.Now()) - time.Microsecond)
				return nil
			}, false},
		} {
			t.Run(c.name, func(t *testing.T) {
				h.clock.Advance(now.Sub(h.clock.Now()))
				doctor := h.doctor(t)
				made := h.booked(t, who, h.patientOf(t, who), doctor, of, at(9+i, 0))
				require.NoError(t, c.prepare(made))
				before := h.stored(t, made.ID)
				begun := h.react(t, removing, doctors.Removing{ID: doctor.ID, By: who})
				ended := h.react(t, deleted, doctors.Deleted{ID: doctor.ID, By: who})
				if !c.removed {
					require.ErrorIs(t, begun, appointments.ErrDoctorHasAppointments)
					require.ErrorIs(t, ended, appointments.ErrDoctorHasAppointments)
					require.Equal(t, before, h.stored(t, made.ID))
					return
				}
				require.NoError(t, begun)
				require.NoError(t, ended)
				before.DoctorID, before.DoctorName = doctors.ID{}, doctor.Name
				before.Version, before.UpdatedAt = before.Version+1, h.clock.Now()
				require.Equal(t, before, h.stored(t, made.ID))
				h.doctors.Remove(doctor.ID)
				shown, err := h.Find(t.Context(), who, made.ID)
				require.NoError(t, err)
				require.Nil(t, shown.Doctor)
				require.Equal(t, doctor.Name, shown.DoctorName)
			})
		}
		h.clock.Advance(now.Sub(h.clock.Now()))
	})
	t.Run("an expired reservation does not keep a doctor", func(t *testing.T) {
		doctor := h.doctor(t)
		in := booking(h.patientOf(t, who), doctor, of, at(9, 0))
		in.Hold = new(1)
		_, err := h.Book(t.Context(), who, in)
		require.NoError(t, err)
		deleted := h.whenDoctorDeleted(repository)
		require.ErrorIs(t, h.react(t, deleted, doctors.Deleted{ID: doctor.ID}), appointments.ErrDoctorHasAppointments)
		h.clock.Advance(time.Minute)
		require.NoError(t, h.react(t, deleted, doctors.Deleted{ID: doctor.ID}))
	})
	t.Run("an appointment without a doctor goes on", func(t *testing.T) {
		doctor := h.doctor(t)
		made := h.booked(t, who, h.patientOf(t, who), doctor, of, at(8, 0))
		h.clock.Advance(at(8, 30).Sub(h.clock.Now()))
		deleted := h.whenDoctorDeleted(repository)
		require.NoError(t, h.react(t, deleted, doctors.Deleted{ID: doctor.ID}))
		h.doctors.Remove(doctor.ID)
		require.NoError(t, calls["MarkNoShow"](h, t, who, made.ID, revision.Match{}))
		require.NoError(t, calls["Arrive"](h, t, who, made.ID, revision.Match{}))
		require.NoError(t, calls["Complete"](h, t, who, made.ID, revision.Match{}))

	})
}

func testKeeper(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	who, of, doctor := h.newUser(t), h.newType(t, nil), h.doctor(t)
	h.clock.Advance(time.Hour) // earlier tests have left some
	require.NoError(t, h.ExpireDue(t.Context()))
	h.clock.Advance(-time.Hour)
	var all []app.Shown
	for i := range 3 {
		in := booking(h.patientOf(t, who), doctor, of, at(9+i, 0))
		in.Hold = new(1 + i)
		held, err := h.Book(t.Context(), who, in)
		require.NoError(t, err)
		all = append(all, held)
	}
	h.clock.Advance(2 * time.Minute)
	_, changes := h.during(func() { require.NoError(t, h.ExpireDue(t.Context())) })
	require.Equal(t, []appointments.Change{appointments.HasExpired, appointments.HasExpired}, changes)
	require.Equal(t, auth.Operator, (*h.changes)[len(*h.changes)-1].By)
	for i, want := range []appointments.Status{appointments.Expired, appointments.Expired, appointments.Held} {
		a := h.stored(t, all[i].ID)
		require.Equal(t, want, a.Status)
		require.Equal(t, want == appointments.Held, a.Version == 1)
		require.Equal(t, want == appointments.Held, !a.ExpiresAt.IsZero())
	}
	_, changes = h.during(func() { require.NoError(t, h.ExpireDue(t.Context())) })
	require.Empty(t, changes)
}

func TestDirectory(t *testing.T) {
	h := newEnv(t, databasetest.SQLite(t))
	who := h.newUser(t)
	made := h.booked(t, who, h.patientOf(t, who), h.doctor(t), h.newType(t, nil), at(9, 0))
	directory := app.NewDirectory(store.New(h.db))
	found, err := directory.Find(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, made.Public(), found)
	found, err = directory.Find(t.Context(), recordid.New[appointments.ID]())
	require.ErrorIs(t, err, appointments.ErrNotFound)
	require.Zero(t, found)
}

func testFreeTimes(t *testing.T, db *database.DB) {
	h := newEnv(t, db)
	h.rules.change = func(r *calendar.Rules) {
		for i := range r.Windows {
			r.Windows[i].Minutes = calendar.Minutes{From: 9 * 60, To: 11 * 60}
		}
		r.Step = 30
	}
	who, doctor := h.newUser(t), h.doctor(t)
	of := h.newType(t, func(d *domain.TypeDetails) { d.BufferAfter = 10 })
	patient := h.patientOf(t, who)
	day := calendar.DateOf(at(0, 0), time.UTC)
	query := func(change func(*app.SlotsQuery)) app.SlotsQuery {
		q := app.SlotsQuery{Type: of.ID, Doctors: []doctors.ID{doctor.ID}, From: &day, To: &day, Limit: 50}
		if change != nil {
			change(&q)
		}
		return q
	}
	starts := func(t *testing.T, who auth.Principal, q app.SlotsQuery) (all []string) {
		t.Helper()
		free, err := h.FreeTimes(t.Context(), who, q)
		require.NoError(t, err)
		for _, one := range free.Days {
			for _, slot := range one.Slots {
				all = append(all, slot.Local.Format("15:04"))
			}
		}
		return all
	}
	t.Run("are the starts that can be booked", func(t *testing.T) {
		require.Equal(t, []string{"09:00", "09:30", "10:00", "10:30"}, starts(t, who, query(nil)))
		h.booked(t, who, h.patientOf(t, who), doctor, of, at(9, 30))
		require.Equal(t, []string{"10:30"}, starts(t, who, query(nil)), "with the buffers of both")
		for _, start := range []time.Time{at(9, 0), at(10, 0)} {
			_, err := h.Book(t.Context(), who, booking(patient, doctor, of, start))
			require.ErrorIs(t, err, appointments.ErrSlotTaken)
		}
	})
	t.Run("leave out the visits of the patient, which is recorded", func(t *testing.T) {
		h.booked(t, who, patient, h.doctor(t), of, at(10, 30))
		q := query(func(q *app.SlotsQuery) { q.Patient = &patient.ID })
		entries, _ := h.during(func() { require.Empty(t, starts(t, who, q)) })
		require.Len(t, entries, 1)
		require.Equal(t, audit.Entry{
			Action: audit.List, Resource: "Appointment", PatientID: patient.ID.UUID, Outcome: audit.Success,
			Status: 200,
			Reason: patients.Owned,
		}, entries[0])
		entries, _ = h.during(func() { require.Equal(t, []string{"10:30"}, starts(t, who, query(nil))) })
		require.Empty(t, entries)
	})
	t.Run("reveal nothing about a foreign patient, before any other error", func(t *testing.T) {
		stranger := h.newUser(t)
		for _, id := range []patients.ID{patient.ID, recordid.New[patients.ID]()} {
			q := query(func(q *app.SlotsQuery) { q.Patient, q.Type = &id, recordid.New[domain.TypeID]() })
			entries, _ := h.during(func() {
				_, err := h.FreeTimes(t.Context(), stranger, q)
				require.Equal(t, patients.ErrNotFound, err)
			})
			require.Equal(t, []audit.Entry{refused(audit.Patient, id.UUID, 404, auth.Reason{})}, entries)
		}
	})
	t.Run("of a doctor who is named twice are listed once", func(t *testing.T) {
		q := query(func(q *app.SlotsQuery) { q.Doctors = []doctors.ID{doctor.ID, doctor.ID} })
		require.Equal(t, []string{"10:30"}, starts(t, who, q))
	})
	t.Run("are of types that the user can book", func(t *testing.T) {
		internal, inactive := h.newType(t, func(d *domain.TypeDetails) { d.ForPatients = false }),
			h.newType(t, func(d *domain.TypeDetails) { d.Active = false })
		person := h.personOf(t, patient)
		for _, c := range []struct {
			who auth.Principal
			of  domain.TypeID
			err error
		}{
			{who, internal.ID, nil}, {person, internal.ID, appointments.ErrTypeNotFound},
			{who, inactive.ID, appointments.ErrNotBookable}, {person, inactive.ID, appointments.ErrTypeNotFound},
			{who, recordid.New[domain.TypeID](), appointments.ErrTypeNotFound}, {person, of.ID, nil},
		} {
			_, err := h.FreeTimes(t.Context(), c.who, query(func(q *app.SlotsQuery) { q.Type = c.of }))
			require.ErrorIs(t, err, c.err)
		}
		_, err := h.FreeTimes(t.Context(), who, query(func(q *app.SlotsQuery) {
			q.Doctors = append(q.Doctors, recordid.New[doctors.ID]())
		}))
		require.ErrorIs(t, err, doctors.ErrNotFound)
	})
	t.Run("of a group have its free seats", func(t *testing.T) {
		doctor := h.doctor(t)
		group := h.newType(t, func(d *domain.TypeDetails) { d.Capacity = 3 })
		h.booked(t, who, h.patientOf(t, who), doctor, group, at(9, 0))
		free, err := h.FreeTimes(t.Context(), who, query(func(q *app.SlotsQuery) {
			q.Type, q.Doctors = group.ID, []doctors.ID{doctor.ID}
		}))
		require.NoError(t, err)
		require.Equal(t, []int{2, 3}, []int{free.Days[0].Slots[0].Free, free.Days[0].Slots[1].Free})
	})
	t.Run("end with the start at which the limit is reached", func(t *testing.T) {
		last := day.AddDays(3)
		two := []doctors.ID{h.doctor(t).ID, h.doctor(t).ID}
		q := query(func(q *app.SlotsQuery) { q.Limit, q.To, q.Doctors = 1_000_000, &last, two })
		all, err := h.FreeTimes(t.Context(), who, q)
		require.NoError(t, err)
		require.Nil(t, all.Next)
		q.Limit = 5
		pages := map[calendar.Date][]app.DoctorSlot{}
		for {
			free, err := h.FreeTimes(t.Context(), who, q)
			require.NoError(t, err)
			shown := 0
			for _, one := range free.Days {
				pages[one.Date] = append(pages[one.Date], one.Slots...)
				shown += len(one.Slots)
			}
			if free.Next == nil {
				break
			}
			require.Contains(t, []int{5, 6}, shown, "both doctors offer the last start")
			q.From, q.After = &free.Next.From, free.Next.After
		}
		require.Len(t, pages, 4)
		for _, one := range all.Days {
			require.NotEmpty(t, one.Slots)
			require.Equal(t, one.Slots, pages[one.Date])
		}
	})
}

func (h env) whenDoctorDeleted(repository ports.Repository) events.Subscription {
	return app.WhenDoctorDeleted(repository, store.NewWaitingList(h.db), h.doctors, h.trail, h.clock)
}
