package app_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/adapters/store"
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
	"healthcare/platform/events"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

// waitingInput returns the input of an entry for any doctor, on the days from today to the next Sunday.
func waitingInput(patient patients.Patient, of domain.Type) domain.WaitingInput {
	today := calendar.DateOf(now, time.UTC)
	return domain.WaitingInput{Patient: patient.ID, Type: of.ID, From: today, To: today.AddDays(6)}
}

func (h env) enlist(t *testing.T, who auth.Principal, in domain.WaitingInput) app.WaitingShown {
	t.Helper()
	added, err := h.Enlist(t.Context(), who, in)
	require.NoError(t, err)
	return added
}

// offer offers a time of the next day.
func (h env) offer(
	t *testing.T, who auth.Principal, id domain.WaitingID, doctor doctors.Doctor, hour int,
) app.WaitingShown {
	t.Helper()
	in := domain.OfferInput{Doctor: doctor.ID, Start: at(hour, 0), Minutes: domain.DefaultOffer}
	offered, err := h.Offer(t.Context(), who, id, revision.Match{}, in)
	require.NoError(t, err)
	return offered
}

// waiting returns an entry as the user sees it.
func (h env) waiting(t *testing.T, who auth.Principal, id domain.WaitingID) app.WaitingShown {
	t.Helper()
	shown, err := h.FindWaiting(t.Context(), who, id)
	require.NoError(t, err)
	return shown
}

// status returns the status of an appointment.
func (h env) status(t *testing.T, who auth.Principal, id appointments.ID) appointments.Status {
	t.Helper()
	shown, err := h.Find(t.Context(), who, id)
	require.NoError(t, err)
	return shown.Status
}

// browseWaiting returns the ids of the entries that match the query, in their order.
func (h env) browseWaiting(t *testing.T, who auth.Principal, query app.WaitingQuery) (ids []domain.WaitingID) {
	t.Helper()
	request := paging.Request{Limit: 100, Order: []paging.Order{{Column: "created_at"}, {Column: "id"}}}
	page, err := h.BrowseWaiting(t.Context(), who, query, request)
	require.NoError(t, err)
	for _, e := range page.Items {
		ids = append(ids, e.ID)
	}
	return ids
}

// recordedSince returns the entries of the trail after the first n.
func (h env) recordedSince(n int) (entries []audit.Entry) {
	for _, one := range h.trail.Recorded()[n:] {
		entries = append(entries, one.Entry)
	}
	return entries
}

// requireInvalid requires the error of a field.
func requireInvalid(t *testing.T, err error, field string) {
	t.Helper()
	var invalid *errs.Error
	require.ErrorAs(t, err, &invalid)
	require.Contains(t, invalid.Fields, field)
}

// actingFor returns a user who acts for the doctor.
func (h env) actingFor(t *testing.T, doctor doctors.Doctor) auth.Principal {
	t.Helper()
	who := h.newUser(t)
	who.Role, who.For = doctors.Role, []auth.Capacity{{ID: doctor.ID.UUID, Kind: auth.AsDoctor}}
	return who
}

func TestEnlist(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		t.Run("shows and records the entry", func(t *testing.T) {
			h := newEnv(t, db)
			who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
			patient := h.patientOf(t, who)
			in := waitingInput(patient, of)
			in.Doctor, in.PartOfDay = &doctor.ID, "EVENING"
			added := h.enlist(t, who, in)
			require.Equal(t, domain.IsWaiting, added.State)
			require.Equal(t, domain.Evening, added.PartOfDay)
			require.Equal(t, patient.Name, added.Patient.Name)
			require.Equal(t, doctor.Name, added.Doctor.Name)
			require.Equal(t, of.Name, added.Type.Name)
			shown := h.waiting(t, who, added.ID)
			require.Equal(t, added, shown)
			require.Equal(t, []domain.WaitingID{added.ID}, h.browseWaiting(t, who, app.WaitingQuery{}))
			entries := h.recordedSince(0)
			require.Len(t, entries, 4, "create, read, list, and the patients of the list")
			for i, action := range []audit.Action{audit.Create, audit.Read, audit.List} {
				require.Equal(t, action, entries[i].Action)
				require.EqualValues(t, "WaitingEntry", entries[i].Resource)
			}
			require.Equal(t, patient.ID.UUID, entries[0].PatientID)
			require.Equal(t, audit.Patient, entries[3].Resource)
			require.Equal(t, []uuid.UUID{patient.ID.UUID}, entries[3].IDs)
		})
		t.Run("rejects days in the past", func(t *testing.T) {
			h := newEnv(t, db)
			who, of := h.newUser(t), h.newType(t, nil)
			in := waitingInput(h.patientOf(t, who), of)
			in.From, in.To = in.From.AddDays(-3), in.From.AddDays(-1)
			_, err := h.Enlist(t.Context(), who, in)
			requireInvalid(t, err, "to_on")
		})
		t.Run("does not find a foreign patient, and records it", func(t *testing.T) {
			h := newEnv(t, db)
			who, of := h.newUser(t), h.newType(t, nil)
			patient := h.patientOf(t, h.newUser(t))
			_, err := h.Enlist(t.Context(), who, waitingInput(patient, of))
			require.ErrorIs(t, err, patients.ErrNotFound)
			entries := h.recordedSince(0)
			require.Len(t, entries, 1)
			require.Equal(t, audit.NewRefusal(audit.Patient, patient.ID.UUID, http.StatusNotFound), entries[0])
		})
		t.Run("patients add themselves, for active types that they book themselves", func(t *testing.T) {
			h := newEnv(t, db)
			staff := h.newUser(t)
			patient := h.patientOf(t, staff)
			who := h.personOf(t, patient)
			added := h.enlist(t, who, waitingInput(patient, h.newType(t, nil)))
			require.Equal(t, staff.UserID, added.OwnerID, "the patient's owner")
			internal := h.newType(t, func(d *domain.TypeDetails) { d.ForPatients = false })
			_, err := h.Enlist(t.Context(), who, waitingInput(patient, internal))
			require.ErrorIs(t, err, appointments.ErrNotBookable)
			h.enlist(t, staff, waitingInput(patient, internal))
			inactive := h.newType(t, func(d *domain.TypeDetails) { d.Active = false })
			_, err = h.Enlist(t.Context(), staff, waitingInput(patient, inactive))
			require.ErrorIs(t, err, appointments.ErrNotBookable)
		})
		t.Run("rejects missing doctors and types", func(t *testing.T) {
			h := newEnv(t, db)
			who, of := h.newUser(t), h.newType(t, nil)
			in := waitingInput(h.patientOf(t, who), of)
			for _, missing := range []doctors.ID{recordid.New[doctors.ID](), {}} {
				in.Doctor = &missing
				_, err := h.Enlist(t.Context(), who, in)
				require.ErrorIs(t, err, doctors.ErrNotFound)
			}
			in.Doctor = nil
			for _, missing := range []domain.TypeID{recordid.New[domain.TypeID](), {}} {
				in.Type = missing
				_, err := h.Enlist(t.Context(), who, in)
				require.ErrorIs(t, err, appointments.ErrTypeNotFound)
			}
		})
		t.Run("a patient has at most 20 open entries, also of requests at once", func(t *testing.T) {
			h := newEnv(t, db)
			who, of := h.newUser(t), h.newType(t, nil)
			patient := h.patientOf(t, who)
			var wg sync.WaitGroup
			failures := make([]error, domain.MaxWaiting+10)
			for i := range failures {
				wg.Go(func() { _, failures[i] = h.Enlist(t.Context(), who, waitingInput(patient, of)) })
			}
			wg.Wait()
			rejected := 0
			for _, err := range failures {
				if err != nil {
					require.ErrorIs(t, err, appointments.ErrTooManyWaiting)
					rejected++
				}
			}
			require.Equal(t, 10, rejected)
			all := h.browseWaiting(t, who, app.WaitingQuery{})
			require.Len(t, all, domain.MaxWaiting)
			require.NoError(t, h.Leave(t.Context(), who, all[0], revision.Match{}))
			h.enlist(t, who, waitingInput(patient, of))
		})
	})
}

func TestWaitingVisibility(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		staff, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
		patient := h.patientOf(t, staff)
		person, stranger, acting := h.personOf(t, patient), h.newUser(t), h.actingFor(t, doctor)
		anyDoctor := h.enlist(t, staff, waitingInput(patient, of))
		in := waitingInput(patient, of)
		in.Doctor = &doctor.ID
		withDoctor := h.enlist(t, person, in)

		t.Run("staff see those of their patients, patients their own, doctors those naming them", func(t *testing.T) {
			both := []domain.WaitingID{anyDoctor.ID, withDoctor.ID}
			require.Equal(t, both, h.browseWaiting(t, staff, app.WaitingQuery{}))
			require.Equal(t, both, h.browseWaiting(t, staff, app.WaitingQuery{Patient: &patient.ID.UUID}))
			require.Equal(t, both, h.browseWaiting(t, person, app.WaitingQuery{}))
			require.Equal(t, both[1:], h.browseWaiting(t, acting, app.WaitingQuery{}))
			require.Empty(t, h.browseWaiting(t, stranger, app.WaitingQuery{}))
		})
		t.Run("a foreign patient has no entries, and the request is recorded", func(t *testing.T) {
			n := len(h.trail.Recorded())
			require.Empty(t, h.browseWaiting(t, stranger, app.WaitingQuery{Patient: &patient.ID.UUID}))
			require.Equal(t, []audit.Entry{audit.NewRefusal(audit.Patient, patient.ID.UUID, http.StatusOK)},
				h.recordedSince(n))
		})
		t.Run("a foreign entry is not found, and the request is recorded", func(t *testing.T) {
			n := len(h.trail.Recorded())
			_, err := h.FindWaiting(t.Context(), stranger, anyDoctor.ID)
			require.ErrorIs(t, err, appointments.ErrWaitingNotFound)
			require.ErrorIs(t, h.Leave(t.Context(), stranger, anyDoctor.ID, revision.Match{}),
				appointments.ErrWaitingNotFound)
			_, err = h.Offer(t.Context(), stranger, anyDoctor.ID, revision.Match{},
				domain.OfferInput{Doctor: doctor.ID, Start: at(9, 0), Minutes: 30})
			require.ErrorIs(t, err, appointments.ErrWaitingNotFound)
			refusal := audit.NewRefusal("WaitingEntry", anyDoctor.ID.UUID, http.StatusNotFound)
			require.Equal(t, []audit.Entry{refusal, refusal, refusal}, h.recordedSince(n))
			_, err = h.FindWaiting(t.Context(), acting, anyDoctor.ID)
			require.ErrorIs(t, err, appointments.ErrWaitingNotFound, "it names no doctor")
		})
		t.Run("a hidden patient is not shown to the doctor, and gets no offer from the doctor", func(t *testing.T) {
			h.patients.Restrict(acting.UserID, patient.ID)
			n := len(h.trail.Recorded())
			shown := h.waiting(t, acting, withDoctor.ID)
			require.Nil(t, shown.Patient)
			require.Equal(t, uuid.Nil, h.recordedSince(n)[0].PatientID)
			n = len(h.trail.Recorded())
			_, err := h.Offer(t.Context(), acting, withDoctor.ID, revision.Match{},
				domain.OfferInput{Doctor: doctor.ID, Start: at(9, 0), Minutes: 30})
			require.ErrorIs(t, err, patients.ErrReadOnly)
			require.Equal(t, []audit.Entry{audit.NewRefusal("WaitingEntry", withDoctor.ID.UUID, http.StatusForbidden)},
				h.recordedSince(n))
		})
		t.Run("the doctor ends an entry that names the doctor", func(t *testing.T) {
			require.NoError(t, h.Leave(t.Context(), acting, withDoctor.ID, revision.Match{}))
			require.Equal(t, domain.HasLeft, h.waiting(t, person, withDoctor.ID).State)
		})
	})
}

func TestOffer(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		// waits returns a user with a patient who waits.
		waits := func(t *testing.T, h env) (auth.Principal, patients.Patient, app.WaitingShown) {
			t.Helper()
			who := h.newUser(t)
			patient := h.patientOf(t, who)
			return who, patient, h.enlist(t, who, waitingInput(patient, h.newType(t, nil)))
		}
		t.Run("reserves the time for the patient, and records both", func(t *testing.T) {
			h := newEnv(t, db)
			who, patient, entry := waits(t, h)
			n := len(h.trail.Recorded())
			offered := h.offer(t, who, entry.ID, h.doctor(t), 9)
			require.Equal(t, domain.IsOffered, offered.State)
			require.Equal(t, now.Add(30*time.Minute), offered.OfferedUntil)
			require.Nil(t, offered.Doctor, "the entry still names none")
			require.Equal(t, offered, h.waiting(t, who, entry.ID))
			hold, err := h.Find(t.Context(), who, offered.AppointmentID)
			require.NoError(t, err)
			require.Equal(t, appointments.Held, hold.Status)
			require.Equal(t, offered.OfferedUntil, hold.ExpiresAt)
			require.Equal(t, patient.ID, hold.PatientID)
			require.Equal(t, who.UserID, hold.CreatedBy)
			entries := h.recordedSince(n)
			require.Equal(t, audit.Create, entries[0].Action)
			require.EqualValues(t, "Appointment", entries[0].Resource)
			require.Equal(t, audit.Update, entries[1].Action)
			require.EqualValues(t, "WaitingEntry", entries[1].Resource)
			require.Equal(t, patient.ID.UUID, entries[1].PatientID)
			require.Equal(t, appointments.WasHeld, (*h.changes)[0].Change)
		})
		t.Run("may be of a time with another doctor, and outside the days", func(t *testing.T) {
			h := newEnv(t, db)
			who, wanted, other, of := h.newUser(t), h.doctor(t), h.doctor(t), h.newType(t, nil)
			for _, doctor := range []doctors.Doctor{wanted, other} {
				in := waitingInput(h.patientOf(t, who), of)
				in.Doctor, in.To = &wanted.ID, in.From
				offered := h.offer(t, who, h.enlist(t, who, in).ID, doctor, 9)
				require.Equal(t, wanted.Name, offered.Doctor.Name)
				require.Equal(t, of.Name, offered.Type.Name)
				require.Len(t, h.rows(t, doctor), 1)
			}
		})
		t.Run("a confirmed reservation books the entry", func(t *testing.T) {
			h := newEnv(t, db)
			who, patient, entry := waits(t, h)
			offered := h.offer(t, who, entry.ID, h.doctor(t), 9)
			n := len(h.trail.Recorded())
			_, err := h.Confirm(t.Context(), h.personOf(t, patient), offered.AppointmentID, revision.Match{})
			require.NoError(t, err)
			entries := h.recordedSince(n)
			require.Len(t, entries, 2, "both changes are recorded")
			require.Equal(t, []string{"state"}, entries[0].Fields)
			booked := h.waiting(t, who, entry.ID)
			require.Equal(t, domain.IsBooked, booked.State)
			require.Equal(t, offered.AppointmentID, booked.AppointmentID)
			_, err = h.Cancel(t.Context(), who, booked.AppointmentID, revision.Match{}, domain.Cancellation{})
			require.NoError(t, err)
			require.Equal(t, domain.IsBooked, h.waiting(t, who, entry.ID).State, "the patient no longer waits")
		})
		t.Run("a cancelled or void reservation lets the entry wait again", func(t *testing.T) {
			h := newEnv(t, db)
			who, _, entry := waits(t, h)
			doctor := h.doctor(t)
			for _, end := range []func(id appointments.ID) error{
				func(id appointments.ID) error {
					_, err := h.Cancel(t.Context(), who, id, revision.Match{}, domain.Cancellation{})
					return err
				},
				func(id appointments.ID) error {
					_, err := h.Void(t.Context(), who, id, revision.Match{})
					return err
				},
			} {
				require.NoError(t, end(h.offer(t, who, entry.ID, doctor, 9).AppointmentID))
				again := h.waiting(t, who, entry.ID)
				require.Equal(t, domain.IsWaiting, again.State)
				require.Zero(t, again.AppointmentID)
			}
			require.Equal(t, domain.IsOffered, h.offer(t, who, entry.ID, doctor, 9).State)
		})
		t.Run("an expired reservation lets the entry wait again, before and after it is ended", func(t *testing.T) {
			h := newEnv(t, db)
			who, _, entry := waits(t, h)
			doctor := h.doctor(t)
			offered := h.offer(t, who, entry.ID, doctor, 9)
			h.clock.Advance(30 * time.Minute)
			for range 2 {
				require.Equal(t, domain.IsWaiting, h.waiting(t, who, entry.ID).State)
				require.Len(t, h.browseWaiting(t, who, app.WaitingQuery{State: domain.IsWaiting}), 1)
				require.Empty(t, h.browseWaiting(t, who, app.WaitingQuery{State: domain.IsOffered}))
				require.NoError(t, h.ExpireDue(t.Context()))
			}
			require.Equal(t, appointments.Expired, h.status(t, who, offered.AppointmentID))
			_, err := h.Confirm(t.Context(), who, offered.AppointmentID, revision.Match{})
			require.ErrorIs(t, err, appointments.ErrHoldExpired)
			second := h.offer(t, who, entry.ID, doctor, 9)
			require.NotEqual(t, offered.AppointmentID, second.AppointmentID)
		})
		t.Run("an entry that has an offer, has left or has passed gets none", func(t *testing.T) {
			h := newEnv(t, db)
			who, _, entry := waits(t, h)
			doctor := h.doctor(t)
			h.offer(t, who, entry.ID, doctor, 9)
			offer := func() error {
				_, err := h.Offer(t.Context(), who, entry.ID, revision.Match{},
					domain.OfferInput{Doctor: doctor.ID, Start: at(15, 0), Minutes: 30})
				return err
			}
			require.ErrorIs(t, offer(), appointments.ErrNotWaiting)
			require.NoError(t, h.Leave(t.Context(), who, entry.ID, revision.Match{}))
			require.ErrorIs(t, offer(), appointments.ErrNotWaiting)
			who, _, entry = waits(t, h)
			h.clock.Advance(7 * 24 * time.Hour)
			require.Equal(t, domain.HasPassed, h.waiting(t, who, entry.ID).State)
			require.ErrorIs(t, offer(), appointments.ErrNotWaiting)
			require.ErrorIs(t, h.Leave(t.Context(), who, entry.ID, revision.Match{}), appointments.ErrNotWaiting)
		})
		t.Run("patients offer nothing", func(t *testing.T) {
			h := newEnv(t, db)
			_, patient, entry := waits(t, h)
			_, err := h.Offer(t.Context(), h.personOf(t, patient), entry.ID, revision.Match{},
				domain.OfferInput{Doctor: h.doctor(t).ID, Start: at(9, 0), Minutes: 30})
			require.ErrorIs(t, err, appointments.ErrNotPatients)
		})
		t.Run("follows the rules of booking", func(t *testing.T) {
			h := newEnv(t, db)
			who, patient, entry := waits(t, h)
			doctor := h.doctor(t)
			_, err := h.Book(t.Context(), who, booking(patient, doctor, entry.Type, at(9, 0)))
			require.NoError(t, err)
			in := domain.OfferInput{Doctor: doctor.ID, Start: at(9, 15), Minutes: 30}
			_, err = h.Offer(t.Context(), who, entry.ID, revision.Match{}, in)
			var conflicting *app.Conflicting
			require.ErrorAs(t, err, &conflicting)
			require.ErrorIs(t, err, appointments.ErrSlotTaken)
			require.Len(t, conflicting.Conflicts, 2, "of the doctor and of the patient")
			require.Equal(t, at(9, 30), conflicting.NextFree[0])
			require.Equal(t, domain.IsWaiting, h.waiting(t, who, entry.ID).State)
			in.Start = now.Add(-time.Hour)
			_, err = h.Offer(t.Context(), who, entry.ID, revision.Match{}, in)
			require.ErrorIs(t, err, appointments.ErrOutsideWindow)
			in.Minutes = domain.MaxOffer + 1
			_, err = h.Offer(t.Context(), who, entry.ID, revision.Match{}, in)
			requireInvalid(t, err, "minutes")
		})
		t.Run("rejects another version", func(t *testing.T) {
			h := newEnv(t, db)
			who, _, entry := waits(t, h)
			stale := revision.OneOf(2)
			_, err := h.Offer(t.Context(), who, entry.ID, stale,
				domain.OfferInput{Doctor: h.doctor(t).ID, Start: at(9, 0), Minutes: 30})
			require.ErrorIs(t, err, revision.ErrStale)
			require.ErrorIs(t, h.Leave(t.Context(), who, entry.ID, stale), revision.ErrStale)
		})
		t.Run("a user has 3 reservations beside 20 offers", func(t *testing.T) {
			h := newEnv(t, db)
			who, _, entry := waits(t, h)
			doctor := h.doctor(t)
			start := at(0, 0)
			next := func() time.Time { start = start.Add(30 * time.Minute); return start }
			offer := func() error {
				waiting := h.enlist(t, who, waitingInput(h.patientOf(t, who), entry.Type))
				_, err := h.Offer(t.Context(), who, waiting.ID, revision.Match{},
					domain.OfferInput{Doctor: doctor.ID, Start: next(), Minutes: domain.MaxOffer})
				return err
			}
			hold := func() error {
				in := booking(h.patientOf(t, who), doctor, entry.Type, next())
				in.Hold = new(domain.MaxHold)
				_, err := h.Book(t.Context(), who, in)
				return err
			}
			for range domain.MaxOffers - 1 {
				require.NoError(t, offer())
			}
			for range domain.MaxHolds {
				require.NoError(t, hold())
			}
			require.ErrorIs(t, hold(), appointments.ErrTooManyHolds)
			require.NoError(t, offer())
			require.ErrorIs(t, offer(), appointments.ErrTooManyOffers)
			h.clock.Advance(domain.MaxOffer * time.Minute)
			require.NoError(t, offer(), "the others have expired")
		})
		t.Run("leaving cancels the reservation of the offer", func(t *testing.T) {
			h := newEnv(t, db)
			who, patient, entry := waits(t, h)
			person, doctor := h.personOf(t, patient), h.doctor(t)
			offered := h.offer(t, who, entry.ID, doctor, 9)
			n := len(h.trail.Recorded())
			require.NoError(t, h.Leave(t.Context(), person, entry.ID, revision.Match{}))
			entries := h.recordedSince(n)
			require.Len(t, entries, 2)
			require.Equal(t, audit.Update, entries[0].Action)
			require.Equal(t, offered.AppointmentID.UUID, entries[0].ResourceID)
			require.Equal(t, audit.Delete, entries[1].Action)
			require.Equal(t, entry.ID.UUID, entries[1].ResourceID)
			require.Equal(t, domain.HasLeft, h.waiting(t, who, entry.ID).State)
			hold, err := h.Find(t.Context(), who, offered.AppointmentID)
			require.NoError(t, err)
			require.Equal(t, appointments.Cancelled, hold.Status)
			require.Equal(t, "patient", hold.CancelReason)
			require.Equal(t, appointments.WasCancelled, (*h.changes)[1].Change)
			require.Empty(t, h.rows(t, doctor), "the time is free")
			require.ErrorIs(t, h.Leave(t.Context(), person, entry.ID, revision.Match{}), appointments.ErrNotWaiting)
		})
		t.Run("an entry that led to an appointment cannot be ended", func(t *testing.T) {
			h := newEnv(t, db)
			who, _, entry := waits(t, h)
			offered := h.offer(t, who, entry.ID, h.doctor(t), 9)
			_, err := h.Confirm(t.Context(), who, offered.AppointmentID, revision.Match{})
			require.NoError(t, err)
			require.ErrorIs(t, h.Leave(t.Context(), who, entry.ID, revision.Match{}), appointments.ErrNotWaiting)
			require.Equal(t, appointments.Booked, h.status(t, who, offered.AppointmentID))
		})
		t.Run("the type of an entry is in use", func(t *testing.T) {
			h := newEnv(t, db)
			_, _, entry := waits(t, h)
			err := h.types.Remove(t.Context(), entry.TypeID, func(domain.Type) error { return nil })
			require.ErrorIs(t, err, appointments.ErrTypeInUse)
		})
	})
}

func TestWaitingEntriesThatFit(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		zone, err := time.LoadLocation("Asia/Kolkata")
		require.NoError(t, err)
		h.rules.zone = zone
		who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
		// 18:45 on the first of December in Kolkata
		booked, err := h.Book(t.Context(), who, booking(h.patientOf(t, who), doctor, of, at(13, 15)))
		require.NoError(t, err)
		add := func(who auth.Principal, part string) domain.WaitingID {
			in := waitingInput(h.patientOf(t, who), of)
			in.PartOfDay = part
			return h.enlist(t, who, in).ID
		}
		first := add(who, "evening")
		h.clock.Advance(time.Second)
		second := add(who, "")
		add(who, "afternoon")
		stranger := h.newUser(t)
		add(stranger, "")
		query := app.WaitingQuery{Fits: &booked.ID}

		t.Run("are those that the user sees, oldest first", func(t *testing.T) {
			require.Equal(t, []domain.WaitingID{first, second}, h.browseWaiting(t, who, query))
		})
		t.Run("also those of a cancelled appointment", func(t *testing.T) {
			_, err := h.Cancel(t.Context(), who, booked.ID, revision.Match{}, domain.Cancellation{})
			require.NoError(t, err)
			require.Len(t, h.browseWaiting(t, who, query), 2)
		})
		t.Run("are not those with an offer", func(t *testing.T) {
			h.offer(t, who, first, doctor, 9)
			require.Equal(t, []domain.WaitingID{second}, h.browseWaiting(t, who, query))
		})
		t.Run("of a foreign appointment are not found, which is recorded", func(t *testing.T) {
			n := len(h.trail.Recorded())
			_, err := h.BrowseWaiting(t.Context(), stranger, query, paging.Request{Limit: 1})
			require.ErrorIs(t, err, appointments.ErrNotFound)
			require.Equal(t, []audit.Entry{audit.NewRefusal("Appointment", booked.ID.UUID, http.StatusNotFound)},
				h.recordedSince(n))
		})
	})
}

func TestWaitingReactions(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newEnv(t, db)
		repository, list := store.New(db), store.NewWaitingList(db)
		publisher := events.New(
			app.WhenPatientDeleted(repository, list), app.WhenPatientTransferred(repository, list),
			app.WhenDoctorDeleted(repository, list, h.doctors, h.trail, h.clock),
		)
		publish := func(t *testing.T, event any) {
			t.Helper()
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
				return publisher.Publish(ctx, event)
			}))
		}
		who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
		patient := h.patientOf(t, who)
		in := waitingInput(patient, of)
		in.Doctor = &doctor.ID
		entry := h.enlist(t, who, in)

		t.Run("the entries of a removed doctor end, and each is recorded", func(t *testing.T) {
			n := len(h.trail.Recorded())
			publish(t, doctors.Deleted{ID: doctor.ID, By: who})
			require.NoError(t, db.Write(t.Context()).Exec("DELETE FROM doctors WHERE id = ?", doctor.ID).Error)
			entries := h.recordedSince(n)
			require.Len(t, entries, 1)
			require.Equal(t, entry.ID.UUID, entries[0].ResourceID)
			require.Equal(t, patient.ID.UUID, entries[0].PatientID)
			shown := h.waiting(t, who, entry.ID)
			require.Equal(t, domain.HasLeft, shown.State)
			require.Zero(t, shown.DoctorID)
		})
		t.Run("a transfer changes the owner", func(t *testing.T) {
			receiver := h.newUser(t)
			publish(t, patients.Transferred{
				IDs: []patients.ID{patient.ID}, From: who.UserID, To: receiver.UserID, By: who,
			})
			h.patients.Add(receiver.UserID, patient)
			require.Len(t, h.browseWaiting(t, receiver, app.WaitingQuery{}), 1)
			require.Empty(t, h.browseWaiting(t, who, app.WaitingQuery{}))
			who = receiver
		})
		t.Run("a removal of the patient deletes the entries", func(t *testing.T) {
			publish(t, patients.Deleted{IDs: []patients.ID{patient.ID}, By: who})
			_, err := h.FindWaiting(t.Context(), who, entry.ID)
			require.ErrorIs(t, err, appointments.ErrWaitingNotFound)
		})
	})
}

// atOnceEach calls all functions at once, and returns their errors.
func atOnceEach(all ...func() error) []error {
	var wg sync.WaitGroup
	begin, failures := make(chan struct{}), make([]error, len(all))
	for i, do := range all {
		wg.Go(func() {
			<-begin
			failures[i] = do()
		})
	}
	close(begin)
	wg.Wait()
	return failures
}

func TestConcurrentOffers(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const rounds = 10
		defer func() { require.Zero(t, deadlocks(t, db)) }()
		h := newEnv(t, db)
		who, of := h.newUser(t), h.newType(t, nil)
		// consistent requires that the entry has the only active appointment of the doctor, or neither exists.
		consistent := func(t *testing.T, id domain.WaitingID, doctor doctors.Doctor) domain.WaitingState {
			t.Helper()
			entry, rows := h.waiting(t, who, id), h.rows(t, doctor)
			if entry.AppointmentID == (appointments.ID{}) {
				require.Empty(t, rows, "no time is reserved for an entry in the state %s", entry.State)
			} else {
				require.Len(t, rows, 1)
				require.Equal(t, entry.AppointmentID.UUID, rows[0].ID)
				require.Equal(t, entry.State == domain.IsBooked, rows[0].Status == "booked")
			}
			return entry.State
		}
		offer := func(id domain.WaitingID, doctor doctors.Doctor, hour int) func() error {
			return func() error {
				in := domain.OfferInput{Doctor: doctor.ID, Start: at(hour, 0), Minutes: 30}
				_, err := h.Offer(t.Context(), who, id, revision.Match{}, in)
				return err
			}
		}
		leave := func(id domain.WaitingID) func() error {
			return func() error { return h.Leave(t.Context(), who, id, revision.Match{}) }
		}
		confirm := func(id appointments.ID) func() error {
			return func() error {
				_, err := h.Confirm(t.Context(), who, id, revision.Match{})
				return err
			}
		}
		waits := func(t *testing.T) (domain.WaitingID, doctors.Doctor) {
			t.Helper()
			return h.enlist(t, who, waitingInput(h.patientOf(t, who), of)).ID, h.doctor(t)
		}
		t.Run("of one entry: one succeeds", func(t *testing.T) {
			for range rounds {
				id, doctor := waits(t)
				var all []func() error
				for hour := range 5 {
					all = append(all, offer(id, doctor, 9+hour))
				}
				succeeded := 0
				for _, err := range atOnceEach(all...) {
					if err == nil {
						succeeded++
					} else {
						require.ErrorIs(t, err, appointments.ErrNotWaiting)
					}
				}
				require.Equal(t, 1, succeeded)
				require.Equal(t, domain.IsOffered, consistent(t, id, doctor))
				require.NoError(t, leave(id)())
			}
		})
		t.Run("against the end of the entry: it ends, and no time stays reserved", func(t *testing.T) {
			for range rounds {
				id, doctor := waits(t)
				failures := atOnceEach(offer(id, doctor, 9), leave(id))
				if failures[0] != nil {
					require.ErrorIs(t, failures[0], appointments.ErrNotWaiting)
				}
				require.NoError(t, failures[1])
				require.Equal(t, domain.HasLeft, consistent(t, id, doctor))
			}
		})
		t.Run("whose confirmation and end race: one wins", func(t *testing.T) {
			for range rounds {
				id, doctor := waits(t)
				require.NoError(t, offer(id, doctor, 9)())
				hold := h.waiting(t, who, id).AppointmentID
				failures := atOnceEach(confirm(hold), leave(id))
				state := consistent(t, id, doctor)
				if failures[0] == nil {
					require.ErrorIs(t, failures[1], appointments.ErrNotWaiting)
					require.Equal(t, domain.IsBooked, state)
				} else {
					require.ErrorIs(t, failures[0], appointments.ErrStatus)
					require.NoError(t, failures[1])
					require.Equal(t, domain.HasLeft, state)
				}
			}
		})
		t.Run("whose confirmation and expiry race: the entry has the state of the reservation", func(t *testing.T) {
			for range rounds {
				id, doctor := waits(t)
				require.NoError(t, offer(id, doctor, 9)())
				hold := h.waiting(t, who, id).AppointmentID
				h.clock.Advance(30*time.Minute - time.Microsecond)
				failures := atOnceEach(confirm(hold), func() error {
					h.clock.Advance(time.Second)
					return errors.Join(h.ExpireDue(t.Context()), offer(id, doctor, 9)())
				})
				require.Contains(t, []domain.WaitingState{domain.IsBooked, domain.IsOffered}, consistent(t, id, doctor))
				if failures[0] != nil {
					require.ErrorIs(t, failures[0], appointments.ErrHoldExpired)
					require.NoError(t, failures[1])
					require.NoError(t, leave(id)())
				}
			}
		})
	})
}
