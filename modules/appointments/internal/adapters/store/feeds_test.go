package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/adapters/store"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/recordid"
)

var feedsNow = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

func newFeed(t *testing.T, db *database.DB) domain.Feed {
	t.Helper()
	feed, _ := domain.NewFeed(doctors.ID{UUID: databasetest.NewDoctor(t, db)}, domain.Busy, uuid.New(), feedsNow)
	return feed
}

// another returns another feed of the doctor by the same user, created some seconds later.
func another(feed domain.Feed, seconds int) domain.Feed {
	other, _ := domain.NewFeed(
		feed.DoctorID, domain.Initials, feed.CreatedBy, feedsNow.Add(time.Duration(seconds)*time.Second))
	return other
}

func TestFeeds(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		feeds := store.NewFeeds(db)
		add := func(feed domain.Feed) error {
			return db.Do(t.Context(), func(ctx context.Context) error { return feeds.Add(ctx, feed) })
		}
		listed := func(of domain.Feed) []domain.Feed {
			all, err := feeds.List(t.Context(), of.DoctorID)
			require.NoError(t, err)
			return all
		}
		t.Run("are stored with every field, found by their secret, and listed newest first", func(t *testing.T) {
			feed := newFeed(t, db)
			newer := another(feed, 1)
			require.NoError(t, add(feed))
			require.NoError(t, add(newer))
			require.NoError(t, add(newFeed(t, db)))
			require.Equal(t, []domain.Feed{newer, feed}, listed(feed))
			found, err := feeds.Find(t.Context(), newer.SecretHash)
			require.NoError(t, err)
			require.Equal(t, newer, found)
			_, err = feeds.Find(t.Context(), domain.Secret{}.Hash())
			require.ErrorIs(t, err, appointments.ErrFeedNotFound)
			databasetest.RequireAllDiffer(t, feed, newer, "DoctorID", "CreatedBy", "LastUsedOn")
		})
		t.Run("belong to an existing doctor", func(t *testing.T) {
			if db.Engine() == database.SQLite {
				t.Skip("SQLite does not name the key; the caller finds the doctor in the same transaction")
			}
			feed := newFeed(t, db)
			feed.DoctorID = recordid.New[doctors.ID]()
			require.ErrorIs(t, add(feed), doctors.ErrNotFound)
		})
		t.Run("are at most five of a doctor, also with concurrent requests", func(t *testing.T) {
			feed := newFeed(t, db)
			var added, rejected atomic.Int32
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					switch err := add(another(feed, i)); {
					case errors.Is(err, appointments.ErrTooManyFeeds):
						rejected.Add(1)
					case err == nil:
						added.Add(1)
					}
				})
			}
			all.Wait()
			require.Equal(t, [2]int32{5, 15}, [2]int32{added.Load(), rejected.Load()})
			require.Len(t, listed(feed), 5)
		})
		t.Run("count one that is being added", func(t *testing.T) {
			feed := newFeed(t, db)
			for i := range domain.MaxFeeds - 1 {
				require.NoError(t, add(another(feed, i)))
			}
			inserted, committed := make(chan struct{}), make(chan error)
			go func() {
				committed <- db.Do(t.Context(), func(ctx context.Context) error {
					err := feeds.Add(ctx, feed)
					close(inserted)
					time.Sleep(100 * time.Millisecond) // the other one waits meanwhile
					return err
				})
			}()
			<-inserted
			require.ErrorIs(t, add(another(feed, 9)), appointments.ErrTooManyFeeds)
			require.NoError(t, <-committed)
		})
		t.Run("are removed by id, for their doctor only", func(t *testing.T) {
			feed, other := newFeed(t, db), newFeed(t, db)
			require.NoError(t, add(feed))
			require.ErrorIs(t, feeds.Remove(t.Context(), other.DoctorID, feed.ID), appointments.ErrFeedNotFound)
			require.NoError(t, feeds.Remove(t.Context(), feed.DoctorID, feed.ID))
			require.ErrorIs(t, feeds.Remove(t.Context(), feed.DoctorID, feed.ID), appointments.ErrFeedNotFound)
		})
		t.Run("are removed with their doctor or their creator", func(t *testing.T) {
			feed := newFeed(t, db)
			second, kept := another(feed, 1), another(feed, 2)
			kept.CreatedBy = uuid.New()
			for _, f := range []domain.Feed{feed, second, kept} {
				require.NoError(t, add(f))
			}
			ids, err := feeds.RemoveAllOfUser(t.Context(), feed.CreatedBy)
			require.NoError(t, err)
			require.ElementsMatch(t, []uuid.UUID{feed.ID.UUID, second.ID.UUID}, ids)
			require.Equal(t, []domain.Feed{kept}, listed(feed))
			ids, err = feeds.RemoveAllOfDoctor(t.Context(), feed.DoctorID)
			require.NoError(t, err)
			require.Equal(t, []uuid.UUID{kept.ID.UUID}, ids)
			ids, err = feeds.RemoveAllOfDoctor(t.Context(), feed.DoctorID)
			require.NoError(t, err)
			require.Empty(t, ids)
		})
		t.Run("store the first read of each day", func(t *testing.T) {
			feed := newFeed(t, db)
			require.NoError(t, add(feed))
			day := calendar.DateOf(feedsNow, time.UTC)
			mark := func(on calendar.Date) bool {
				first, err := feeds.MarkUsed(t.Context(), feed.ID, on)
				require.NoError(t, err)
				return first
			}
			require.Equal(t, []bool{true, false, true, false},
				[]bool{mark(day), mark(day), mark(day.AddDays(1)), mark(day)}, "a clock may go back")
			require.Equal(t, day.AddDays(1), *listed(feed)[0].LastUsedOn)
			require.NoError(t, feeds.Remove(t.Context(), feed.DoctorID, feed.ID))
			require.False(t, mark(day.AddDays(2)), "it was removed")
		})
	})
}

// insertVisits stores n visits of one hour of a new doctor with one patient, one after the other from a time. change
// edits each of them.
func insertVisits(
	t *testing.T, db *database.DB, n int, from time.Time, change func(i int, a *domain.Appointment),
) (doctor doctors.ID, patient patients.ID, all []domain.Appointment) {
	t.Helper()
	owner := databasetest.NewUser(t, db)
	patient = patients.ID{UUID: databasetest.NewPatient(t, db, owner)}
	doctor = doctors.ID{UUID: databasetest.NewDoctor(t, db)}
	of := domain.Type{ID: recordid.New[domain.TypeID](), TypeDetails: domain.TypeDetails{Minutes: 60, Capacity: 1}}
	require.NoError(t, db.Write(t.Context()).Exec(`INSERT INTO appointment_types (id, name, minutes, buffer_before,
		buffer_after, capacity, needs_confirmation, for_patients, active, version, created_at, updated_at)
		VALUES (?, ?, 60, 0, 0, 1, ?, ?, ?, 1, ?, ?)`,
		of.ID, of.ID.String(), false, false, true, database.At(feedsNow), database.At(feedsNow)).Error)
	repository := store.New(db)
	for i := range n {
		a := domain.New(patients.Patient{ID: patient, Owner: owner}, "a reason", owner, feedsNow)
		a.Status = appointments.Booked
		a.Place(doctor, of, from.Add(time.Duration(i)*time.Hour), time.UTC)
		if change != nil {
			change(i, &a)
		}
		require.NoError(t, repository.Add(t.Context(), a))
		all = append(all, a)
	}
	return doctor, patient, all
}

func TestEventsOfAFeed(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		window := domain.FeedWindowAt(feedsNow)
		events := func(doctor doctors.ID) []domain.FeedEvent {
			found, err := store.NewFeeds(db).Events(t.Context(), doctor, window)
			require.NoError(t, err)
			return found
		}
		t.Run("have what a feed needs", func(t *testing.T) {
			changed := func(_ int, a *domain.Appointment) { a.Sequence, a.UpdatedAt = 7, feedsNow.Add(-time.Minute) }
			doctor, patient, visits := insertVisits(t, db, 1, feedsNow.Add(time.Hour), changed)
			require.Equal(t, []domain.FeedEvent{{
				ID: visits[0].ID, PatientID: patient, StartsAt: visits[0].StartsAt, EndsAt: visits[0].EndsAt,
				Status: appointments.Booked, Sequence: 7, UpdatedAt: feedsNow.Add(-time.Minute),
			}}, events(doctor))
		})
		t.Run("are those of the doctor in the window, the last first", func(t *testing.T) {
			starts := []time.Time{
				window.From, window.From.Add(time.Hour), feedsNow, window.To.Add(-2 * time.Hour), window.To,
			}
			doctor, _, visits := insertVisits(t, db, len(starts), feedsNow, func(i int, a *domain.Appointment) {
				length := a.EndsAt.Sub(a.StartsAt)
				a.StartsAt, a.EndsAt = starts[i], starts[i].Add(length)
				a.BlocksFrom, a.BlocksTo = a.StartsAt, a.EndsAt
			})
			var ids []appointments.ID
			for _, event := range events(doctor) {
				ids = append(ids, event.ID)
			}
			require.Equal(t, []appointments.ID{visits[3].ID, visits[2].ID, visits[1].ID}, ids)
			require.Empty(t, events(recordid.New[doctors.ID]()))
		})
		t.Run("have the statuses that a calendar shows", func(t *testing.T) {
			month := 30 * 24 * time.Hour
			cases := []struct {
				status  appointments.Status
				expires time.Time
				changed time.Time
				shown   bool
			}{
				{appointments.Held, feedsNow.Add(time.Microsecond), feedsNow, true},
				{appointments.Held, feedsNow, feedsNow, false},
				{appointments.Pending, time.Time{}, feedsNow.Add(-2 * month), true},
				{appointments.Booked, time.Time{}, feedsNow.Add(-2 * month), true},
				{appointments.Arrived, time.Time{}, feedsNow, true},
				{appointments.Fulfilled, time.Time{}, feedsNow, true},
				{appointments.NoShow, time.Time{}, feedsNow, true},
				{appointments.Cancelled, time.Time{}, feedsNow.Add(-month + time.Microsecond), true},
				{appointments.Cancelled, time.Time{}, feedsNow.Add(-month), false},
				{appointments.EnteredInError, time.Time{}, feedsNow, false},
				{appointments.Expired, time.Time{}, feedsNow, false},
			}
			doctor, _, visits := insertVisits(t, db, len(cases), feedsNow, func(i int, a *domain.Appointment) {
				a.Status, a.ExpiresAt, a.UpdatedAt = cases[i].status, cases[i].expires, cases[i].changed
			})
			shown := map[appointments.ID]appointments.Status{}
			for _, event := range events(doctor) {
				shown[event.ID] = event.Status
			}
			for i, c := range cases {
				_, found := shown[visits[i].ID]
				require.Equal(t, c.shown, found, "case %d: %s", i, c.status)
			}
		})
	})
}

// TestX21_FeedPlan verifies X21: a feed reads one range of one index, also of a doctor with many appointments outside
// its window.
func TestX21_FeedPlan(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		few, _, _ := insertVisits(t, db, 200, feedsNow, nil)
		many, _, visits := insertVisits(t, db, 200, feedsNow, nil)
		if db.Engine() == database.Postgres { // SQLite plans without statistics
			require.NoError(t, db.Write(t.Context()).Exec(`INSERT INTO appointments (id, owner_id, patient_id,
				doctor_id, doctor_name, type_id, session_id, seat, starts_at, ends_at, blocks_from, blocks_to,
				local_start, time_zone, status, overbooked, overbook_reason, reason, cancel_reason, sequence, version,
				created_by, created_at, updated_at)
				SELECT gen_random_uuid(), owner_id, patient_id, doctor_id, '', type_id, gen_random_uuid(), 0,
				starts_at - i * interval '1 hour', starts_at - (i - 1) * interval '1 hour',
				starts_at - i * interval '1 hour', starts_at - (i - 1) * interval '1 hour',
				'', 'UTC', 'fulfilled', false, '', '', '', 0, 1, created_by, created_at, updated_at
				FROM appointments, generate_series(1000, 31000) AS s(i) WHERE id = ?`, visits[0].ID).Error)
			require.NoError(t, db.Write(t.Context()).Exec("VACUUM ANALYZE appointments").Error)
		}
		sent := databasetest.LastQuery(t, db)
		var plans []databasetest.Plan
		for _, doctor := range []doctors.ID{few, many} {
			found, err := store.NewFeeds(db).Events(t.Context(), doctor, domain.FeedWindowAt(feedsNow))
			require.NoError(t, err)
			require.Len(t, found, 200)
			if db.Engine() == database.SQLite {
				sent.RequireQueryPlan(t, db, "SEARCH appointments USING INDEX appointments_doctor_id_starts_at_idx "+
					"(doctor_id=? AND starts_at>? AND starts_at<?)")
				continue
			}
			for _, mode := range databasetest.PlanModes {
				plan := sent.Explain(t, db, mode)
				databasetest.RequireIndex(t, plan, "appointments_doctor_id_starts_at_idx", "starts_at >", "starts_at <")
				plans = append(plans, plan)
			}
		}
		for _, plan := range plans {
			databasetest.RequireSameCost(t, plans[0], plan)
		}
	})
}
