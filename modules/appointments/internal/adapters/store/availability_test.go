package store_test

import (
	"context"
	"errors"
	"slices"
	"sync"
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
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

// kolkata is the time zone of the service in these tests.
var kolkata = time.FixedZone("Asia/Kolkata", 5*60*60+30*60)

func newAvailability(db *database.DB) ports.Availability { return store.NewAvailability(db, kolkata) }

func addedDoctor(t *testing.T, db *database.DB) doctors.ID {
	t.Helper()
	return doctors.ID{UUID: databasetest.NewDoctor(t, db)}
}

// december returns a day of December 2026.
func december(day int) calendar.Date {
	return calendar.DateOf(time.Date(2026, time.December, day, 12, 0, 0, 0, time.UTC), time.UTC)
}

// set returns a rule that stores these values as the next version.
func set(want domain.Availability) func(*domain.Availability) error {
	return func(a *domain.Availability) error {
		want.DoctorID, want.Version = a.DoctorID, a.Version+1
		*a = want
		return nil
	}
}

func TestAvailability(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, types, ctx := newAvailability(db), store.NewTypes(db), t.Context()
		kind := addedType(t, types, "Consultation")
		whole := domain.Availability{
			TimeZone: "Europe/Berlin", Step: 20, Lead: 120, Horizon: 90, UpdatedAt: madeAt,
			Windows: []calendar.Window{
				{Weekday: time.Monday, Minutes: calendar.Minutes{From: 540, To: 1440}, Type: kind.ID.UUID,
					ValidFrom: new(december(1)), ValidUntil: new(december(31))},
				{Weekday: time.Sunday, Minutes: calendar.Minutes{From: 1320, To: 1800}},
			},
		}
		requireStored := func(t *testing.T, want domain.Availability) {
			t.Helper()
			found, err := repository.Find(ctx, want.DoctorID)
			require.NoError(t, err)
			require.Equal(t, want, found)
		}
		t.Run("is the default at first", func(t *testing.T) {
			requireStored(t, domain.NewAvailability(addedDoctor(t, db)))
		})
		t.Run("is found as it was stored, and replaced with its windows", func(t *testing.T) {
			doctor, other := addedDoctor(t, db), addedDoctor(t, db)
			_, err := repository.Replace(ctx, other, set(whole))
			require.NoError(t, err)
			for _, want := range []domain.Availability{
				whole, {Step: 5, Horizon: 1, UpdatedAt: madeAt.Add(time.Hour)}, whole,
			} {
				changed, err := repository.Replace(ctx, doctor, set(want))
				require.NoError(t, err)
				want.DoctorID, want.Version = doctor, changed.Version
				require.Equal(t, want, changed)
				requireStored(t, want)
			}
			kept := whole
			kept.DoctorID, kept.Version = other, 1
			requireStored(t, kept)
		})
		t.Run("has the most windows that are allowed", func(t *testing.T) {
			many := whole
			many.Windows = nil
			for i := range domain.MaxWindows {
				many.Windows = append(many.Windows, calendar.Window{Minutes: calendar.Minutes{From: i, To: i + 1}})
			}
			changed, err := repository.Replace(ctx, addedDoctor(t, db), set(many))
			require.NoError(t, err)
			requireStored(t, changed)
		})
		t.Run("stays as it is if the rule fails or changes nothing", func(t *testing.T) {
			doctor, rejected := addedDoctor(t, db), errors.New("rejected")
			_, err := repository.Replace(ctx, doctor, func(a *domain.Availability) error {
				require.NoError(t, set(whole)(a))
				return rejected
			})
			require.Same(t, rejected, err)
			_, err = repository.Replace(ctx, doctor, func(*domain.Availability) error { return nil })
			require.NoError(t, err)
			requireStored(t, domain.NewAvailability(doctor))
		})
		t.Run("is removed with its doctor", func(t *testing.T) {
			doctor := addedDoctor(t, db)
			_, err := repository.Replace(ctx, doctor, set(whole))
			require.NoError(t, err)
			require.NoError(t, repository.AddException(ctx, closedOn(&doctor, 24, 24), december(1)))
			require.NoError(t, db.Write(ctx).Exec("DELETE FROM doctors WHERE id = ?", doctor).Error)
			requireStored(t, domain.NewAvailability(doctor))
			page, err := repository.Exceptions(ctx, &doctor, december(1), byStart)
			require.NoError(t, err)
			require.Empty(t, page.Items)
		})
		if db.Engine() == database.SQLite {
			return // does not report the names of foreign keys; the use case has found the records in the transaction
		}
		t.Run("names a record that was removed in the meantime", func(t *testing.T) {
			_, err := repository.Replace(ctx, recordid.New[doctors.ID](), set(whole))
			require.ErrorIs(t, err, doctors.ErrNotFound)
			missing := recordid.New[doctors.ID]()
			err = repository.AddException(ctx, closedOn(&missing, 24, 24), december(1))
			require.ErrorIs(t, err, doctors.ErrNotFound)
			of := whole
			of.Windows = []calendar.Window{{Minutes: calendar.Minutes{From: 0, To: 1}, Type: uuid.New()}}
			_, err = repository.Replace(ctx, addedDoctor(t, db), set(of))
			require.ErrorIs(t, err, appointments.ErrTypeNotFound)
		})
	})
}

// TestConcurrentReplacements verifies R-32 also for the first version, of which there is no row to lock.
func TestConcurrentReplacements(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const writers = 10
		repository, doctor, results := newAvailability(db), addedDoctor(t, db), make([]error, writers)
		var running sync.WaitGroup
		for i := range writers {
			running.Go(func() {
				_, results[i] = repository.Replace(t.Context(), doctor, func(a *domain.Availability) error {
					time.Sleep(5 * time.Millisecond) // so that unlocked writers would overlap
					a.Version, a.UpdatedAt = a.Version+1, madeAt
					a.Windows = append(a.Windows, calendar.Window{Minutes: calendar.Minutes{From: i, To: i + 1}})
					return nil
				})
			})
		}
		running.Wait()
		require.Equal(t, make([]error, writers), results)
		found, err := repository.Find(t.Context(), doctor)
		require.NoError(t, err)
		require.Equal(t, writers, found.Version)
		require.Len(t, found.Windows, writers)
	})
}

// closedOn returns an exception of days of December.
func closedOn(doctor *doctors.ID, from, to int) domain.Exception {
	return domain.Exception{
		ID: recordid.New[domain.ExceptionID](), DoctorID: doctor, CreatedBy: uuid.New(), CreatedAt: madeAt,
		Exception: calendar.Exception{From: december(from), To: december(to), Practice: doctor == nil},
	}
}

// byStart requests a whole list on one page.
var byStart = paging.Request{Limit: 1000, Order: []paging.Order{{Column: "starts_on"}, {Column: "id"}}}

func TestExceptions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, ctx := newAvailability(db), t.Context()
		doctor, other := addedDoctor(t, db), addedDoctor(t, db)
		hours := closedOn(&doctor, 20, 21)
		hours.Hours, hours.Minutes, hours.Note = true, &calendar.Minutes{From: 1320, To: 1800}, "Night ä𝒜"
		past, long := closedOn(&doctor, 1, 2), closedOn(&doctor, 3, 30)
		part := closedOn(nil, 24, 24)
		part.Minutes = &calendar.Minutes{From: 0, To: 1440}
		holiday, foreign := closedOn(nil, 25, 26), closedOn(&other, 24, 24)
		for _, e := range []domain.Exception{hours, past, long, part, holiday, foreign} {
			require.NoError(t, repository.AddException(ctx, e, december(1)))
		}
		for _, c := range []struct {
			doctor *doctors.ID
			from   calendar.Date
			want   []domain.Exception
		}{
			{&doctor, december(1), []domain.Exception{past, long, hours}},
			{&doctor, december(2), []domain.Exception{past, long, hours}},
			{&doctor, december(3), []domain.Exception{long, hours}},
			{&doctor, december(22), []domain.Exception{long}},
			{&other, december(1), []domain.Exception{foreign}},
			{nil, december(1), []domain.Exception{part, holiday}},
			{nil, december(26), []domain.Exception{holiday}},
			{nil, december(27), nil},
		} {
			page, err := repository.Exceptions(ctx, c.doctor, c.from, byStart)
			require.NoError(t, err)
			require.ElementsMatch(t, c.want, page.Items)
			require.True(t, slices.IsSortedFunc(page.Items, func(a, b domain.Exception) int {
				return int(a.From - b.From)
			}))
		}
		t.Run("have pages", func(t *testing.T) {
			request, seen := byStart, 0
			request.Limit = 1
			for {
				page, err := repository.Exceptions(ctx, &doctor, december(1), request)
				require.NoError(t, err)
				seen += len(page.Items)
				if page.Next == nil {
					break
				}
				request.After = page.Next
			}
			require.Equal(t, 3, seen)
		})
		t.Run("are found and removed with their doctor only", func(t *testing.T) {
			for _, wrong := range []*doctors.ID{&other, nil} {
				_, err := repository.FindException(ctx, wrong, hours.ID)
				require.ErrorIs(t, err, appointments.ErrExceptionNotFound)
				err = repository.RemoveException(ctx, wrong, hours.ID)
				require.ErrorIs(t, err, appointments.ErrExceptionNotFound)
			}
			require.ErrorIs(t, repository.RemoveException(ctx, &doctor, holiday.ID), appointments.ErrExceptionNotFound)
			for _, e := range []domain.Exception{hours, part} {
				found, err := repository.FindException(ctx, e.DoctorID, e.ID)
				require.NoError(t, err)
				require.Equal(t, e, found)
				require.NoError(t, repository.RemoveException(ctx, e.DoctorID, e.ID))
				_, err = repository.FindException(ctx, e.DoctorID, e.ID)
				require.ErrorIs(t, err, appointments.ErrExceptionNotFound)
			}
		})
	})
}

// TestConcurrentExceptions verifies that concurrent additions do not exceed the limit.
func TestConcurrentExceptions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, doctor := newAvailability(db), addedDoctor(t, db)
		for _, of := range []*doctors.ID{&doctor, nil} {
			require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
				for range domain.MaxExceptions - 3 {
					if err := repository.AddException(ctx, closedOn(of, 24, 24), december(1)); err != nil {
						return err
					}
				}
				return repository.AddException(ctx, closedOn(of, 1, 2), december(1))
			}))
			results := make([]error, 10)
			var running sync.WaitGroup
			for i := range results {
				running.Go(func() {
					results[i] = repository.AddException(t.Context(), closedOn(of, 24, 25), december(3))
				})
			}
			running.Wait()
			added := 0
			for _, err := range results {
				if err == nil {
					added++
					continue
				}
				require.ErrorIs(t, err, appointments.ErrTooManyExceptions)
			}
			require.Equal(t, 3, added, "the exception that has passed does not count")
		}
	})
}

func TestRules(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, ctx := newAvailability(db), t.Context()
		berlin, err := time.LoadLocation("Europe/Berlin")
		require.NoError(t, err)
		first, second, third := addedDoctor(t, db), addedDoctor(t, db), addedDoctor(t, db)
		always := calendar.Window{Weekday: time.Monday, Minutes: calendar.Minutes{From: 540, To: 1020}}
		until := calendar.Window{Weekday: time.Friday, Minutes: calendar.Minutes{From: 0, To: 60},
			ValidFrom: new(december(1)), ValidUntil: new(december(10))}
		_, err = repository.Replace(ctx, first, set(domain.Availability{
			TimeZone: "Europe/Berlin", Step: 20, Lead: 30, Horizon: 60, UpdatedAt: madeAt,
			Windows: []calendar.Window{always, until},
		}))
		require.NoError(t, err)
		_, err = repository.Replace(ctx, second, set(domain.Availability{
			Step: 5, Horizon: 1, UpdatedAt: madeAt, Windows: []calendar.Window{always},
		}))
		require.NoError(t, err)
		closed, holiday := closedOn(&first, 20, 22), closedOn(nil, 24, 25)
		for _, e := range []domain.Exception{closed, holiday, closedOn(&third, 20, 22)} {
			require.NoError(t, repository.AddException(ctx, e, december(1)))
		}
		rules := func(t *testing.T, from, to int) map[doctors.ID]calendar.Rules {
			t.Helper()
			sent := databasetest.Queries(t, db)
			*sent = nil
			found, err := repository.Rules(ctx, []doctors.ID{first, second}, december(from), december(to))
			require.NoError(t, err)
			require.LessOrEqual(t, len(*sent), 3)
			return found
		}
		t.Run("have the values, windows and exceptions of each doctor", func(t *testing.T) {
			found := rules(t, 1, 31)
			require.Len(t, found, 2)
			require.Equal(t, calendar.Rules{Zone: berlin, Step: 20, Lead: 30, Horizon: 60,
				Windows: found[first].Windows, Exceptions: found[first].Exceptions}, found[first])
			require.ElementsMatch(t, []calendar.Window{always, until}, found[first].Windows)
			require.ElementsMatch(t, []calendar.Exception{closed.Exception, holiday.Exception}, found[first].Exceptions)
			require.Equal(t, calendar.Rules{Zone: kolkata, Step: 5, Horizon: 1, Windows: []calendar.Window{always},
				Exceptions: []calendar.Exception{holiday.Exception}}, found[second])
		})
		t.Run("are the default for a doctor without availability", func(t *testing.T) {
			found, err := repository.Rules(ctx, []doctors.ID{third}, december(1), december(2))
			require.NoError(t, err)
			require.Equal(t, map[doctors.ID]calendar.Rules{third: {Zone: kolkata, Step: 15, Horizon: 365}}, found)
		})
		t.Run("have the windows and exceptions around the days only", func(t *testing.T) {
			for _, c := range []struct{ from, to, windows, exceptions int }{
				{12, 12, 2, 0}, {13, 17, 1, 0}, {13, 18, 1, 1}, {24, 24, 1, 2}, {25, 25, 1, 1}, {28, 31, 1, 0},
			} {
				found := rules(t, c.from, c.to)[first]
				require.Len(t, found.Windows, c.windows, "%+v", c)
				require.Len(t, found.Exceptions, c.exceptions, "%+v", c)
			}
		})
		t.Run("of no doctors", func(t *testing.T) {
			found, err := repository.Rules(ctx, nil, december(1), december(2))
			require.NoError(t, err)
			require.Empty(t, found)
		})
		t.Run("fail for a stored zone that is not known", func(t *testing.T) {
			require.NoError(t, db.Write(ctx).
				Exec("UPDATE availability SET time_zone = 'Europe/Atlantis' WHERE doctor_id = ?", second).Error)
			_, err := repository.Rules(ctx, []doctors.ID{second}, december(1), december(2))
			require.ErrorContains(t, err, "time zone")
			_, err = repository.Zone(ctx, &second)
			require.ErrorContains(t, err, "time zone")
		})
		t.Run("have the zone that Zone returns", func(t *testing.T) {
			for doctor, want := range map[*doctors.ID]*time.Location{&first: berlin, &third: kolkata, nil: kolkata} {
				zone, err := repository.Zone(ctx, doctor)
				require.NoError(t, err)
				require.Equal(t, want, zone)
			}
		})
	})
}

func TestVisits(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, ctx := newAvailability(db), t.Context()
		kind := addedType(t, store.NewTypes(db), "Consultation") // 5 minutes before, 30, 10 after
		doctor, other := addedDoctor(t, db), addedDoctor(t, db)
		at := func(hour, minute int) time.Time {
			return time.Date(2026, time.December, 24, hour, minute, 0, 0, time.UTC)
		}
		visitsOf := func(all ...domain.Appointment) (visits []domain.Visit) {
			for _, a := range all {
				visit := domain.Visit{DoctorID: a.DoctorID, TypeID: a.TypeID, From: a.StartsAt, To: a.EndsAt}
				visits = append(visits, visit)
			}
			return visits
		}
		as := func(status appointments.Status) func(*domain.Appointment) {
			return func(a *domain.Appointment) {
				a.Status = status
				if status == appointments.Held {
					a.ExpiresAt = at(0, 0)
				}
			}
		}
		ends := addVisit(t, db, doctor, kind, at(8, 31))   // until 09:01
		begins := addVisit(t, db, doctor, kind, at(9, 59)) // before 10:00
		pending := addVisitAs(t, db, doctor, kind, at(9, 14), func(a *domain.Appointment) {
			a.Status, a.Overbooked = appointments.Pending, true
		})
		foreign := addVisitAs(t, db, other, kind, at(9, 10), as(appointments.Arrived))
		held := addVisitAs(t, db, other, kind, at(9, 59), as(appointments.Held))
		addVisit(t, db, doctor, kind, at(7, 46)) // until 08:16
		addVisit(t, db, doctor, kind, at(10, 45))
		addVisit(t, db, addedDoctor(t, db), kind, at(8, 30)) // until 09:00; its block reaches into the time
		for i, status := range []appointments.Status{
			appointments.Cancelled, appointments.Fulfilled, appointments.NoShow, appointments.EnteredInError,
			appointments.Expired,
		} {
			addVisitAs(t, db, doctor, kind, at(9, i), as(status))
		}
		during := calendar.Span{From: at(9, 0), To: at(10, 0)}
		for name, c := range map[string]struct {
			doctor *doctors.ID
			now    time.Time
			want   []domain.Visit
		}{
			"of a doctor":            {&doctor, madeAt, visitsOf(ends, begins, pending)},
			"without ended ones":     {&doctor, at(9, 1), visitsOf(begins, pending)},
			"with held ones":         {&other, madeAt, visitsOf(foreign, held)},
			"without expired ones":   {&other, at(0, 0), visitsOf(foreign)},
			"of all doctors":         {nil, at(9, 39), visitsOf(begins, pending, foreign)},
			"of all, at the last":    {nil, at(10, 28), visitsOf(begins)},
			"of all, after the last": {nil, at(10, 29), nil},
		} {
			t.Run(name, func(t *testing.T) {
				found, err := repository.Visits(ctx, c.doctor, during, c.now, 100)
				require.NoError(t, err)
				require.ElementsMatch(t, c.want, found)
			})
		}
		t.Run("at most the limit", func(t *testing.T) {
			found, err := repository.Visits(ctx, nil, during, madeAt, 2)
			require.NoError(t, err)
			require.Len(t, found, 2)
		})
	})
}
