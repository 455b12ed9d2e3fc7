package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/adapters/store"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/appointments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

// waitingNow is a Monday.
var (
	waitingNow = time.Date(2026, time.November, 30, 12, 0, 0, 0, time.UTC)
	waitingAt  = domain.Moment{Now: waitingNow, Today: calendar.DateOf(waitingNow, time.UTC)}
)

// waitingEnv is the repository of the waiting list, and the rows that its foreign keys require.
type waitingEnv struct {
	ports.WaitingList
	db    *database.DB
	owner uuid.UUID
	kind  domain.Type
}

func newWaitingEnv(t *testing.T, db *database.DB) waitingEnv {
	t.Helper()
	h := waitingEnv{WaitingList: store.NewWaitingList(db), db: db, owner: databasetest.NewUser(t, db)}
	h.kind = h.newType(t)
	return h
}

func (h waitingEnv) newType(t *testing.T) domain.Type {
	t.Helper()
	kind := domain.Type{
		ID: recordid.New[domain.TypeID](), Version: 1, CreatedAt: waitingNow, UpdatedAt: waitingNow,
		TypeDetails: domain.TypeDetails{Name: uuid.NewString(), Minutes: 30, Capacity: 1, Active: true},
	}
	require.NoError(t, store.NewTypes(h.db).Add(t.Context(), kind))
	return kind
}

func (h waitingEnv) patient(t *testing.T) patients.Patient {
	t.Helper()
	return patients.Patient{ID: patients.ID{UUID: databasetest.NewPatient(t, h.db, h.owner)}, Owner: h.owner}
}

func (h waitingEnv) doctor(t *testing.T) doctors.ID {
	t.Helper()
	return doctors.ID{UUID: databasetest.NewDoctor(t, h.db)}
}

// add stores an entry of the patient for today and the next two days, with the changes applied.
func (h waitingEnv) add(t *testing.T, patient patients.Patient, change func(*domain.WaitingEntry)) domain.WaitingEntry {
	t.Helper()
	in := domain.WaitingInput{
		Type: h.kind.ID, From: waitingAt.Today, To: waitingAt.Today.AddDays(2), PartOfDay: string(domain.AnyPart),
	}
	e := domain.NewWaitingEntry(patient, in, h.owner, waitingNow)
	if change != nil {
		change(&e)
	}
	require.NoError(t, h.Add(t.Context(), e))
	return e
}

// list returns the ids of the entries that the user sees.
func (h waitingEnv) list(
	t *testing.T, who auth.Principal, except patients.Exceptions, filter domain.WaitingFilter,
) (ids []domain.WaitingID) {
	t.Helper()
	request := paging.Request{Limit: 100, Order: []paging.Order{{Column: "created_at"}, {Column: "id"}}, Count: true}
	page, err := h.List(t.Context(), patients.VisibleTo(who, waitingNow), except, filter, waitingAt, request)
	require.NoError(t, err)
	require.EqualValues(t, len(page.Items), *page.Total)
	for _, e := range page.Items {
		ids = append(ids, e.ID)
	}
	return ids
}

func offered(minutes int) func(*domain.WaitingEntry) {
	return func(e *domain.WaitingEntry) {
		e.State, e.AppointmentID = domain.IsOffered, recordid.New[appointments.ID]()
		e.OfferedUntil = waitingNow.Add(time.Duration(minutes) * time.Minute)
	}
}

func TestWaitingListStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		t.Run("stores every field", func(t *testing.T) {
			h := newWaitingEnv(t, db)
			doctor := h.doctor(t)
			added := h.add(t, h.patient(t), func(e *domain.WaitingEntry) {
				offered(30)(e)
				e.DoctorID, e.PartOfDay = doctor, domain.Evening
			})
			found, err := h.Find(t.Context(), added.ID)
			require.NoError(t, err)
			require.Equal(t, added, found)
			other := h.newType(t)
			changed, err := h.Change(t.Context(), added.ID, func(e *domain.WaitingEntry) error {
				e.DoctorID, e.TypeID, e.From, e.To = doctors.ID{}, other.ID, e.From.AddDays(1), e.To.AddDays(1)
				e.PartOfDay, e.State, e.OfferedUntil = domain.Morning, domain.IsBooked, time.Time{}
				e.AppointmentID, e.Version = recordid.New[appointments.ID](), 2
				e.UpdatedAt = waitingNow.Add(time.Hour)
				return nil
			})
			require.NoError(t, err)
			found, err = h.Find(t.Context(), added.ID)
			require.NoError(t, err)
			require.Equal(t, changed, found)
			databasetest.RequireAllDiffer(t, added, found, "ID", "OwnerID", "PatientID", "CreatedBy", "CreatedAt")
		})
		t.Run("does not find a missing entry", func(t *testing.T) {
			h := newWaitingEnv(t, db)
			_, err := h.Find(t.Context(), recordid.New[domain.WaitingID]())
			require.ErrorIs(t, err, appointments.ErrWaitingNotFound)
			_, err = h.Change(t.Context(), recordid.New[domain.WaitingID](), nil)
			require.ErrorIs(t, err, appointments.ErrWaitingNotFound)
		})
		t.Run("stores nothing if the rule fails", func(t *testing.T) {
			h := newWaitingEnv(t, db)
			added, rejected := h.add(t, h.patient(t), nil), errors.New("rejected")
			_, err := h.Change(t.Context(), added.ID, func(e *domain.WaitingEntry) error {
				e.State, e.Version = domain.HasLeft, 2
				return rejected
			})
			require.ErrorIs(t, err, rejected)
			found, err := h.Find(t.Context(), added.ID)
			require.NoError(t, err)
			require.Equal(t, added, found)
		})
		t.Run("finds entries by the state that Settle gives them", func(t *testing.T) {
			h := newWaitingEnv(t, db)
			who, patient := auth.Principal{UserID: h.owner}, h.patient(t)
			for _, last := range []int{-1, 0} {
				for _, change := range []func(*domain.WaitingEntry){
					nil, offered(-1), offered(0), offered(1),
					func(e *domain.WaitingEntry) {
						e.State, e.AppointmentID = domain.IsBooked, recordid.New[appointments.ID]()
					},
					func(e *domain.WaitingEntry) { e.State = domain.HasLeft },
				} {
					h.add(t, patient, func(e *domain.WaitingEntry) {
						e.From, e.To = e.From.AddDays(-9), waitingAt.Today.AddDays(last)
						if change != nil {
							change(e)
						}
					})
				}
			}
			want, open := map[domain.WaitingState][]domain.WaitingID{}, 0
			for _, id := range h.list(t, who, patients.Exceptions{}, domain.WaitingFilter{}) {
				e, err := h.Find(t.Context(), id)
				require.NoError(t, err)
				e.Settle(waitingAt)
				want[e.State] = append(want[e.State], id)
				if e.State == domain.IsWaiting || e.State == domain.IsOffered {
					open++
				}
			}
			require.Len(t, want, 5, "every state")
			for state, ids := range want {
				require.Equal(t, ids, h.list(t, who, patients.Exceptions{}, domain.WaitingFilter{State: state}), state)
			}
			for limit, count := range map[int]int{100: open, 2: 2} {
				got, err := h.CountOpen(t.Context(), patient.ID, waitingAt, limit)
				require.NoError(t, err)
				require.Equal(t, count, got)
			}
		})
		t.Run("finds the entries that fit an appointment", func(t *testing.T) {
			h := newWaitingEnv(t, db)
			who, patient, doctor := auth.Principal{UserID: h.owner}, h.patient(t), h.doctor(t)
			fit := domain.Fit{
				Type: h.kind.ID, Doctor: doctor, On: waitingAt.Today.AddDays(1), PartOfDay: domain.Morning,
			}
			type change = func(*domain.WaitingEntry)
			var want []domain.WaitingID
			for _, fits := range []change{
				nil,
				func(e *domain.WaitingEntry) { e.DoctorID = doctor },
				func(e *domain.WaitingEntry) { e.PartOfDay = domain.Morning },
				func(e *domain.WaitingEntry) { e.From, e.To = fit.On, fit.On },
				offered(0),
			} {
				want = append(want, h.add(t, patient, fits).ID)
			}
			another, kind := h.doctor(t), h.newType(t)
			for _, differs := range []change{
				func(e *domain.WaitingEntry) { e.DoctorID = another },
				func(e *domain.WaitingEntry) { e.TypeID = kind.ID },
				func(e *domain.WaitingEntry) { e.PartOfDay = domain.Afternoon },
				func(e *domain.WaitingEntry) { e.From = fit.On.AddDays(1) },
				func(e *domain.WaitingEntry) { e.To = fit.On.AddDays(-1) },
				func(e *domain.WaitingEntry) { e.State = domain.HasLeft },
				offered(1),
			} {
				h.add(t, patient, differs)
			}
			require.Equal(t, want, h.list(t, who, patients.Exceptions{}, domain.WaitingFilter{Fit: &fit}))
			fit.Doctor = doctors.ID{}
			require.NotContains(t, h.list(t, who, patients.Exceptions{}, domain.WaitingFilter{Fit: &fit}), want[1],
				"of an appointment without a doctor, only those with any doctor")
		})
		t.Run("lists each visible entry once", func(t *testing.T) {
			h := newWaitingEnv(t, db)
			foreign := newWaitingEnv(t, db)
			doctor, other := h.doctor(t), h.doctor(t)
			own, theirs, represented := h.patient(t), foreign.patient(t), foreign.patient(t)
			with := func(id doctors.ID) func(*domain.WaitingEntry) {
				return func(e *domain.WaitingEntry) { e.DoctorID = id }
			}
			want := []domain.WaitingID{
				h.add(t, own, nil).ID, h.add(t, own, with(doctor)).ID, foreign.add(t, theirs, with(doctor)).ID,
				foreign.add(t, represented, nil).ID, foreign.add(t, represented, with(doctor)).ID,
			}
			foreign.add(t, theirs, nil)
			foreign.add(t, theirs, with(other))
			who := auth.Principal{UserID: h.owner, For: []auth.Capacity{
				{ID: doctor.UUID, Kind: auth.AsDoctor}, {ID: h.owner, Kind: auth.AsSelf},
			}}
			except := patients.Exceptions{Represented: []patients.ID{represented.ID}}
			require.ElementsMatch(t, want, h.list(t, who, except, domain.WaitingFilter{}))
		})
		t.Run("Follow changes the entry of the appointment only", func(t *testing.T) {
			h := newWaitingEnv(t, db)
			added, other := h.add(t, h.patient(t), offered(30)), h.add(t, h.patient(t), offered(30))
			rule := func(e *domain.WaitingEntry) { require.NoError(t, e.Leave(waitingAt)) }
			left, changed, err := h.Follow(t.Context(), added.AppointmentID, rule)
			require.NoError(t, err)
			require.True(t, changed)
			require.Equal(t, added.ID, left.ID)
			found, err := h.Find(t.Context(), added.ID)
			require.NoError(t, err)
			require.Equal(t, left, found)
			found, err = h.Find(t.Context(), other.ID)
			require.NoError(t, err)
			require.Equal(t, other, found)
			_, changed, err = h.Follow(t.Context(), added.AppointmentID, rule)
			require.NoError(t, err)
			require.False(t, changed, "no entry has the appointment any more")
		})
		t.Run("follows transfers and removals of patients", func(t *testing.T) {
			h := newWaitingEnv(t, db)
			receiver := databasetest.NewUser(t, db)
			removed, kept := h.add(t, h.patient(t), nil), h.add(t, h.patient(t), nil)
			require.NoError(t, h.SetOwner(t.Context(), []patients.ID{kept.PatientID}, receiver))
			require.NoError(t, h.RemoveAllOfPatients(t.Context(), []patients.ID{removed.PatientID}))
			_, err := h.Find(t.Context(), removed.ID)
			require.ErrorIs(t, err, appointments.ErrWaitingNotFound)
			found, err := h.Find(t.Context(), kept.ID)
			require.NoError(t, err)
			require.Equal(t, receiver, found.OwnerID)
			require.Equal(t, kept.Version, found.Version, "a transfer is no change of the entry")
		})
		t.Run("ends the entries of a removed doctor", func(t *testing.T) {
			h := newWaitingEnv(t, db)
			doctor, other := h.doctor(t), h.doctor(t)
			patient := h.patient(t)
			of := func(id doctors.ID, change func(*domain.WaitingEntry)) domain.WaitingEntry {
				return h.add(t, patient, func(e *domain.WaitingEntry) {
					if e.DoctorID = id; change != nil {
						change(e)
					}
				})
			}
			waiting, offer, kept := of(doctor, nil), of(doctor, offered(-1)), of(other, nil)
			booked := of(doctor, func(e *domain.WaitingEntry) {
				e.State, e.AppointmentID = domain.IsBooked, recordid.New[appointments.ID]()
			})
			ended, err := h.ReleaseDoctor(t.Context(), doctor, waitingNow)
			require.NoError(t, err)
			require.Len(t, ended, 2)
			for _, e := range ended {
				require.Contains(t, []domain.WaitingID{waiting.ID, offer.ID}, e.ID)
				require.Equal(t, patient.ID, e.PatientID)
				found, err := h.Find(t.Context(), e.ID)
				require.NoError(t, err)
				require.Equal(t, e, found)
				require.Equal(t, domain.HasLeft, found.State)
				require.Zero(t, found.DoctorID)
				require.Equal(t, 2, found.Version)
			}
			found, err := h.Find(t.Context(), booked.ID)
			require.NoError(t, err)
			require.Equal(t, domain.IsBooked, found.State)
			require.Equal(t, booked.AppointmentID, found.AppointmentID)
			require.Zero(t, found.DoctorID)
			found, err = h.Find(t.Context(), kept.ID)
			require.NoError(t, err)
			require.Equal(t, kept, found)
		})
	})
}
