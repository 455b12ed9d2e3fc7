package app_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/revision"
)

// atOnce is the number of requests that race.
const atOnce = 200

// outcome counts what the racing requests returned.
type outcome struct {
	done, refused int
}

// race runs do with 0 to n-1 at once. It requires that each succeeds or returns an error of a place.
func race(t *testing.T, h env, n int, do func(i int) error) outcome {
	t.Helper()
	var wg sync.WaitGroup
	var done, refused atomic.Int64
	took, failures := make([]time.Duration, n), make([]error, n)
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			start := time.Now()
			err := do(i)
			took[i] = time.Since(start)
			switch {
			case err == nil:
				done.Add(1)
			case errors.Is(err, appointments.ErrSlotTaken), errors.Is(err, appointments.ErrPatientBusy),
				errors.Is(err, appointments.ErrSessionFull), errors.Is(err, appointments.ErrHoldExpired):
				refused.Add(1)
			default:
				failures[i] = err
			}
		})
	}
	close(begin)
	wg.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	slices.Sort(took)
	t.Logf("%d done, %d refused, p50 %v, p99 %v", done.Load(), refused.Load(), took[n/2], took[n*99/100])
	return outcome{int(done.Load()), int(refused.Load())}
}

// deadlocks returns the number of deadlocks that PostgreSQL has found, whose victims would be repeated.
func deadlocks(t *testing.T, db *database.DB) (count int64) {
	t.Helper()
	if db.Engine() == database.Postgres {
		time.Sleep(2 * time.Second) // each connection writes its statistics once a second
		require.NoError(t, db.Read(t.Context()).
			Raw("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&count).Error)
	}
	return count
}

func TestConcurrentBookings(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		defer func() { require.Zero(t, deadlocks(t, db)) }()
		t.Run("of one slot by 200 patients: one is booked", func(t *testing.T) {
			h := newEnv(t, db)
			who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
			all := h.patientsOf(t, who, atOnce)
			got := race(t, h, atOnce, func(i int) error {
				_, err := h.Book(t.Context(), who, booking(all[i], doctor, of, at(9, 0)))
				return err
			})
			require.Equal(t, 1, got.done)
			require.Equal(t, atOnce-1, got.refused)
			h.requireNoOverlap(t)
		})
		t.Run("of one patient with five doctors: one is booked", func(t *testing.T) {
			h := newEnv(t, db)
			who, of := h.newUser(t), h.newType(t, nil)
			patient := h.patientOf(t, who)
			var all []doctors.Doctor
			for range 5 {
				all = append(all, h.doctor(t))
			}
			got := race(t, h, atOnce, func(i int) error {
				_, err := h.Book(t.Context(), who, booking(patient, all[i%len(all)], of, at(9, 0)))
				return err
			})
			require.Equal(t, 1, got.done)
			h.requireNoOverlap(t)
		})
		t.Run("of overlapping times, with buffers", func(t *testing.T) {
			h := newEnv(t, db)
			who, doctor := h.newUser(t), h.doctor(t)
			of := h.newType(t, func(d *domain.TypeDetails) { d.BufferBefore, d.BufferAfter = 5, 10 })
			all := h.patientsOf(t, who, 40)
			got := race(t, h, atOnce, func(i int) error {
				start := at(8, 0).Add(time.Duration(i*7%480) * time.Minute)
				_, err := h.Book(t.Context(), who, booking(all[i%len(all)], doctor, of, start))
				return err
			})
			require.Greater(t, got.done, 5)
			h.requireNoOverlap(t)
		})
		t.Run("of the last seats of a group of ten: ten are booked", func(t *testing.T) {
			h := newEnv(t, db)
			who, doctor := h.newUser(t), h.doctor(t)
			of := h.newType(t, func(d *domain.TypeDetails) { d.Capacity = 10 })
			all := h.patientsOf(t, who, atOnce)
			got := race(t, h, atOnce, func(i int) error {
				_, err := h.Book(t.Context(), who, booking(all[i], doctor, of, at(9, 0)))
				return err
			})
			require.Equal(t, 10, got.done)
			h.requireNoOverlap(t)
		})
		t.Run("and moves to one slot: one gets it, none is lost", func(t *testing.T) {
			h := newEnv(t, db)
			who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
			all := h.patientsOf(t, who, 40)
			var booked []app.Shown
			for i, patient := range all {
				made, err := h.Book(t.Context(), who, booking(patient, doctor, of, at(9, 0).AddDate(0, 0, 1+i)))
				require.NoError(t, err)
				booked = append(booked, made)
			}
			got := race(t, h, len(booked), func(i int) error {
				_, err := h.Move(t.Context(), who, booked[i].ID, revision.Match{}, domain.Move{Start: at(9, 0)})
				return err
			})
			require.Equal(t, 1, got.done)
			require.Len(t, h.rows(t, doctor), len(all), "and the others keep their time")
			h.requireNoOverlap(t)
		})
		t.Run("against an expired reservation and its confirmation: one wins", func(t *testing.T) {
			for range 10 {
				h := newEnv(t, db)
				who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
				all := h.patientsOf(t, who, 20)
				held := booking(all[0], doctor, of, at(9, 0))
				held.Hold = new(10)
				hold, err := h.Book(t.Context(), who, held)
				require.NoError(t, err)
				h.clock.Advance(10*time.Minute - time.Nanosecond)
				got := race(t, h, len(all), func(i int) error {
					if i == 0 {
						_, err := h.Confirm(t.Context(), who, hold.ID, revision.Match{})
						return err
					}
					if i == 1 {
						h.clock.Advance(time.Second)
					}
					_, err := h.Book(t.Context(), who, booking(all[i], doctor, of, at(9, 0)))
					return err
				})
				require.Equal(t, 1, got.done)
				h.requireNoOverlap(t)
			}
		})
		t.Run("moves of one appointment by clients who name no version: none is stale", func(t *testing.T) {
			h := newEnv(t, db)
			who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
			made, err := h.Book(t.Context(), who, booking(h.patientOf(t, who), doctor, of, at(8, 0)))
			require.NoError(t, err)
			race(t, h, 20, func(i int) error {
				_, err := h.Move(t.Context(), who, made.ID, revision.Match{}, domain.Move{Start: at(9, 5*i)})
				return err
			})
			require.Equal(t, 20, h.stored(t, made.ID).Sequence)
		})
		t.Run("moves and cancellations of the rest of a series, without a deadlock", func(t *testing.T) {
			h := newEnv(t, db)
			who, of := h.newUser(t), h.newType(t, nil)
			var all []app.Series
			for _, patient := range h.patientsOf(t, who, 10) {
				made, err := h.BookSeries(t.Context(), who, booking(patient, h.doctor(t), of, at(9, 0)), weekly(8))
				require.NoError(t, err)
				all = append(all, made)
			}
			race(t, h, 40, func(i int) (err error) {
				first := all[i%10].Booked[i/20]
				if i%20 < 10 {
					to := domain.Move{Start: first.StartsAt.AddDate(0, 0, 7*(1+i%2)), Following: true}
					_, err = h.Move(t.Context(), who, first.ID, revision.Match{}, to)
				} else {
					in := domain.Cancellation{Following: true}
					_, err = h.Cancel(t.Context(), who, first.ID, revision.Match{}, in)
				}
				if errors.Is(err, revision.ErrStale) || errors.Is(err, appointments.ErrStatus) {
					err = appointments.ErrSlotTaken // which race expects
				}
				return err
			})
			for _, series := range all {
				for _, one := range series.Booked[1:] {
					require.Equal(t, appointments.Cancelled, h.stored(t, one.ID).Status)
				}
			}
			h.requireNoOverlap(t)
		})
		t.Run("moves of two series with the same two doctors, without a deadlock", func(t *testing.T) {
			h := newEnv(t, db)
			who, of := h.newUser(t), h.newType(t, nil)
			one, other := h.doctor(t), h.doctor(t)
			var all []app.Series
			for i, patient := range h.patientsOf(t, who, 2) {
				first, second := one, other
				if i == 1 {
					first, second = other, one
				}
				made, err := h.BookSeries(t.Context(), who, booking(patient, first, of, at(9+6*i, 0)), weekly(6))
				require.NoError(t, err)
				for _, a := range made.Booked[3:] {
					to := domain.Move{Start: a.StartsAt, Doctor: &second.ID}
					_, err := h.Move(t.Context(), who, a.ID, revision.Match{}, to)
					require.NoError(t, err)
				}
				all = append(all, made)
			}
			race(t, h, 20, func(i int) error {
				first := all[i%2].Booked[0]
				to := domain.Move{Start: at(9+6*(i%2), 5*(i/2)), Following: true}
				_, err := h.Move(t.Context(), who, first.ID, revision.Match{}, to)
				if errors.Is(err, revision.ErrStale) {
					err = appointments.ErrSlotTaken // which race expects
				}
				return err
			})
			h.requireNoOverlap(t)
		})
		t.Run("overbooked and ordinary ones of one slot: no ordinary one lands on another", func(t *testing.T) {
			h := newEnv(t, db)
			who, doctor, of := h.newUser(t), h.doctor(t), h.newType(t, nil)
			all := h.patientsOf(t, who, 60)
			race(t, h, len(all), func(i int) error {
				in := booking(all[i], doctor, of, at(9, 0))
				if i%2 == 0 {
					in.Overbook = new("the patient cannot come another day")
				}
				_, err := h.Book(t.Context(), who, in)
				return err
			})
			ordinary := 0
			for _, r := range h.rows(t, doctor) {
				if !r.Overbooked {
					ordinary++
				}
			}
			require.Equal(t, 1, ordinary, "the first one, overbooked or not, has no conflict")
			h.requireNoOverlap(t)
		})
	})
}

func (h env) patientsOf(t *testing.T, who auth.Principal, n int) (all []patients.Patient) {
	t.Helper()
	for range n {
		all = append(all, h.patientOf(t, who))
	}
	return all
}
