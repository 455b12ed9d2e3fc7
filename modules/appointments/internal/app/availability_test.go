package app_test

import (
	"context"
	"errors"
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
	"healthcare/modules/doctors/doctorstest"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

// availabilityEnv is an Availability with the real store, in the time zone of Kolkata, where it is 2026-11-23.
type availabilityEnv struct {
	*app.Availability
	db      *database.DB
	trail   *audittest.Recorder
	clock   *clock.Manual
	doctors *doctorstest.Directory
}

var kolkata = time.FixedZone("Asia/Kolkata", 5*60*60+30*60)

func newAvailabilityEnv(t testing.TB, db *database.DB) availabilityEnv {
	h := availabilityEnv{
		db: db, trail: new(audittest.Recorder), clock: clock.At(madeAt), doctors: new(doctorstest.Directory),
	}
	h.Availability = app.NewAvailability(store.NewAvailability(db, kolkata), store.NewTypes(db), h.doctors,
		audittest.Transactional(t, db, h.trail), db, h.clock)
	return h
}

func (h availabilityEnv) doctor(t *testing.T) doctors.ID {
	t.Helper()
	id := doctors.ID{UUID: databasetest.NewDoctor(t, h.db)}
	h.doctors.Add(doctors.Doctor{ID: id, Name: "Dr. Vikram Khanna"})
	return id
}

// officeHours are from 09:00 to 17:00 on all days, in the time zone of the service.
func officeHours() domain.AvailabilityInput {
	var input domain.AvailabilityInput
	for weekday := range time.Weekday(7) {
		input.Windows = append(input.Windows,
			domain.WindowInput{Weekday: domain.WeekdayName(weekday), From: "09:00", To: "17:00"})
	}
	return input
}

func closedOn(day string) domain.ExceptionInput {
	return domain.ExceptionInput{StartsOn: day, Kind: "closed"}
}

// actingFor returns a user with the role doctor who acts for the doctor.
func actingFor(doctor doctors.ID) auth.Principal {
	return auth.Principal{
		UserID: uuid.New(), Role: doctors.Role, For: []auth.Capacity{{ID: doctor.UUID, Kind: auth.AsDoctor}},
	}
}

var staff = auth.Principal{UserID: uuid.New(), Role: auth.Staff}

func TestReplaceAvailability(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, ctx := newAvailabilityEnv(t, db), t.Context()
		t.Run("stores every value, and records the names of the changed ones", func(t *testing.T) {
			doctor, kind := h.doctor(t), newTypesEnv(t, db).registered(t, consultation("Consultation"))
			first, err := h.Find(ctx, staff, doctor)
			require.NoError(t, err)
			require.Equal(t, domain.NewAvailability(doctor), first)
			input := officeHours()
			input.TimeZone, input.StepMinutes, input.LeadMinutes = "Europe/Berlin", new(20), new(60)
			input.HorizonDays, input.Windows[0].Type = new(30), kind.ID.String()
			before := len(h.trail.Recorded())
			second, err := h.Replace(ctx, staff, doctor, revision.OneOf(0), input)
			require.NoError(t, err)
			databasetest.RequireAllDiffer(t, first, second, "DoctorID")
			found, err := h.Find(ctx, staff, doctor)
			require.NoError(t, err)
			require.Equal(t, second, found)
			input.Windows = input.Windows[1:]
			_, err = h.Replace(ctx, staff, doctor, revision.OneOf(1), input)
			require.NoError(t, err)
			update := func(fields ...string) audit.Entry {
				entry := audit.NewEntry(audit.Update, "Availability", doctor.UUID)
				entry.Fields = fields
				return entry
			}
			requireTrail(t, h.trail, before, staff,
				update("horizon_days", "lead_minutes", "step_minutes", "time_zone", "windows"), update("windows"))
		})
		t.Run("refuses another version, a missing doctor and invalid values", func(t *testing.T) {
			doctor, missing := h.doctor(t), recordid.New[doctors.ID]()
			_, err := h.Replace(ctx, staff, doctor, revision.OneOf(1), officeHours())
			require.ErrorIs(t, err, revision.ErrStale)
			_, err = h.Replace(ctx, staff, missing, revision.Match{}, officeHours())
			require.ErrorIs(t, err, doctors.ErrNotFound)
			_, err = h.Find(ctx, staff, missing)
			require.ErrorIs(t, err, doctors.ErrNotFound)
			_, err = h.Replace(ctx, staff, doctor, revision.Match{}, domain.AvailabilityInput{StepMinutes: new(1)})
			require.Contains(t, fieldsOf(err), "step_minutes")
		})
		t.Run("names the windows whose type does not exist", func(t *testing.T) {
			input := officeHours()
			input.Windows[2].Type = uuid.NewString()
			_, err := h.Replace(ctx, staff, h.doctor(t), revision.Match{}, input)
			require.Equal(t, map[string][]string{"windows[2].type": {"No such appointment type."}}, fieldsOf(err))
		})
	})
}

func fieldsOf(err error) map[string][]string {
	if invalid, ok := errors.AsType[*errs.Error](err); ok && invalid.Kind == errs.Invalid {
		return invalid.Fields
	}
	return nil
}

// TestConcurrentReplacement verifies that of two users who have read the same version one replaces it.
func TestConcurrentReplacement(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newAvailabilityEnv(t, db)
		doctor := h.doctor(t)
		for version := range 5 {
			results := make([]error, 2)
			var both sync.WaitGroup
			for i := range results {
				both.Go(func() {
					input := officeHours()
					input.StepMinutes = new(10 + 2*version + i)
					_, results[i] = h.Replace(t.Context(), staff, doctor, revision.OneOf(version), input)
				})
			}
			both.Wait()
			won, lost := results[0], results[1]
			if won != nil {
				won, lost = lost, won
			}
			require.NoError(t, won)
			require.ErrorIs(t, lost, revision.ErrStale)
		}
	})
}

func TestDoctorsChangeTheirOwnHoursOnly(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, ctx := newAvailabilityEnv(t, db), t.Context()
		own, foreign := h.doctor(t), h.doctor(t)
		who := actingFor(own)
		of := map[doctors.ID]domain.ExceptionID{}
		for _, doctor := range []doctors.ID{own, foreign} {
			added, err := h.AddException(ctx, staff, doctor, closedOn("2026-12-24"))
			require.NoError(t, err)
			of[doctor] = added.ID
		}
		changes := map[string]func(doctor doctors.ID) error{
			"replace": func(doctor doctors.ID) error {
				_, err := h.Replace(ctx, who, doctor, revision.Match{}, officeHours())
				return err
			},
			"add an exception": func(doctor doctors.ID) error {
				_, err := h.AddException(ctx, who, doctor, closedOn("2026-12-25"))
				return err
			},
			"remove an exception": func(doctor doctors.ID) error {
				return h.RemoveException(ctx, who, doctor, of[doctor])
			},
		}
		for name, change := range changes {
			t.Run(name, func(t *testing.T) {
				require.NoError(t, change(own))
				before := len(h.trail.Recorded())
				require.ErrorIs(t, change(foreign), appointments.ErrOtherDoctor)
				refused := map[string]audit.Entry{
					"replace":             audit.NewRefusal("Availability", foreign.UUID, 403),
					"add an exception":    audit.NewRefusal("Availability", foreign.UUID, 403),
					"remove an exception": audit.NewRefusal("AvailabilityException", of[foreign].UUID, 403),
				}
				requireTrail(t, h.trail, before, who, refused[name])
				require.ErrorIs(t, change(recordid.New[doctors.ID]()), doctors.ErrNotFound)
			})
		}
		found, err := h.Find(ctx, who, foreign)
		require.NoError(t, err, "they see the hours of all doctors")
		require.Equal(t, domain.NewAvailability(foreign), found)
		_, err = h.FindException(ctx, foreign, of[foreign])
		require.NoError(t, err)
	})
}

// moveTo sets the clock to a time, which may be earlier.
func (h availabilityEnv) moveTo(at time.Time) { h.clock.Advance(at.Sub(h.clock.Now())) }

// byStart requests a whole list on one page.
var byStart = paging.Request{Limit: 1000, Order: []paging.Order{{Column: "starts_on"}, {Column: "id"}}}

func TestExceptionsAndHolidays(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, ctx := newAvailabilityEnv(t, db), t.Context()
		doctor, before := h.doctor(t), len(h.trail.Recorded())
		added, err := h.AddException(ctx, admin, doctor, closedOn("2026-12-24"))
		require.NoError(t, err)
		require.Equal(t, []any{&doctor, admin.UserID, 0}, []any{added.DoctorID, added.CreatedBy, added.Affected})
		holiday, err := h.AddHoliday(ctx, admin, closedOn("2026-12-25"))
		require.NoError(t, err)
		require.Nil(t, holiday.DoctorID)
		t.Run("are found and listed", func(t *testing.T) {
			found, err := h.FindException(ctx, doctor, added.ID)
			require.NoError(t, err)
			require.Equal(t, added, found)
			found, err = h.FindHoliday(ctx, holiday.ID)
			require.NoError(t, err)
			require.Equal(t, holiday, found)
			exceptions, err := h.BrowseExceptions(ctx, doctor, nil, byStart)
			require.NoError(t, err)
			require.Equal(t, []domain.Exception{added.Exception}, exceptions.Items)
			holidays, err := h.BrowseHolidays(ctx, nil, byStart)
			require.NoError(t, err)
			require.Equal(t, []domain.Exception{holiday.Exception}, holidays.Items)
		})
		t.Run("are listed until they have passed, in the time zone of the doctor", func(t *testing.T) {
			_, err := h.Replace(ctx, admin, doctor, revision.Match{}, domain.AvailabilityInput{TimeZone: "Etc/GMT+12"})
			require.NoError(t, err)
			h.moveTo(time.Date(2026, time.December, 25, 11, 59, 0, 0, time.UTC)) // 23:59 on the 24th
			exceptions, err := h.BrowseExceptions(ctx, doctor, nil, byStart)
			require.NoError(t, err)
			require.Len(t, exceptions.Items, 1)
			h.clock.Advance(time.Minute)
			exceptions, err = h.BrowseExceptions(ctx, doctor, nil, byStart)
			require.NoError(t, err)
			require.Empty(t, exceptions.Items)
			from := *added.DoctorID
			day, err := calendar.ParseDate("2026-12-24")
			require.NoError(t, err)
			exceptions, err = h.BrowseExceptions(ctx, from, &day, byStart)
			require.NoError(t, err)
			require.Len(t, exceptions.Items, 1)
			h.moveTo(time.Date(2026, time.December, 25, 18, 30, 0, 0, time.UTC)) // 00:00 on the 26th in Kolkata
			holidays, err := h.BrowseHolidays(ctx, nil, byStart)
			require.NoError(t, err)
			require.Empty(t, holidays.Items)
			h.moveTo(madeAt)
		})
		t.Run("may not have passed", func(t *testing.T) {
			_, err := h.AddHoliday(ctx, admin, closedOn("2026-11-22"))
			require.Contains(t, fieldsOf(err), "starts_on", "it is the 23rd in the time zone of the service")
			_, err = h.AddException(ctx, admin, doctor, closedOn("2026-11-22"))
			require.NoError(t, err, "it is the 22nd in the time zone of the doctor")
		})
		t.Run("are removed", func(t *testing.T) {
			require.NoError(t, h.RemoveException(ctx, admin, doctor, added.ID))
			require.NoError(t, h.RemoveHoliday(ctx, admin, holiday.ID))
			require.ErrorIs(t, h.RemoveException(ctx, admin, doctor, added.ID), appointments.ErrExceptionNotFound)
			require.ErrorIs(t, h.RemoveHoliday(ctx, admin, holiday.ID), appointments.ErrExceptionNotFound)
			_, err := h.FindException(ctx, doctor, added.ID)
			require.ErrorIs(t, err, appointments.ErrExceptionNotFound)
		})
		t.Run("of a missing doctor", func(t *testing.T) {
			missing := recordid.New[doctors.ID]()
			_, err := h.AddException(ctx, admin, missing, closedOn("2026-12-24"))
			require.ErrorIs(t, err, doctors.ErrNotFound)
			_, err = h.BrowseExceptions(ctx, missing, nil, byStart)
			require.ErrorIs(t, err, doctors.ErrNotFound)
			require.ErrorIs(t, h.RemoveException(ctx, admin, missing, added.ID), doctors.ErrNotFound)
		})
		recorded := h.trail.Recorded()[before:]
		require.Equal(t, audit.NewEntry(audit.Create, "AvailabilityException", added.ID.UUID), recorded[0].Entry)
		require.Equal(t, audit.NewEntry(audit.Create, "Holiday", holiday.ID.UUID), recorded[1].Entry)
		last := recorded[len(recorded)-2:]
		require.Equal(t, audit.NewEntry(audit.Delete, "AvailabilityException", added.ID.UUID), last[0].Entry)
		require.Equal(t, audit.NewEntry(audit.Delete, "Holiday", holiday.ID.UUID), last[1].Entry)
	})
}

// addVisit stores a booked visit of half an hour, at an hour of a day in the time zone of the doctor.
func (h availabilityEnv) addVisit(t *testing.T, doctor doctors.ID, kind domain.Type, zone, day, hour string) {
	t.Helper()
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	start, err := time.ParseInLocation("2006-01-02 15:04", day+" "+hour, location)
	require.NoError(t, err)
	owner := databasetest.NewUser(t, h.db)
	patient := patients.Patient{ID: patients.ID{UUID: databasetest.NewPatient(t, h.db, owner)}, Owner: owner}
	visit := domain.New(patient, "", owner, madeAt)
	visit.Place(doctor, kind, start.UTC(), location)
	visit.Status = appointments.Booked
	require.NoError(t, store.New(h.db).Add(t.Context(), visit))
}

func TestAffected(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, ctx := newAvailabilityEnv(t, db), t.Context()
		kind := newTypesEnv(t, db).registered(t, consultation("Consultation"))
		// A holiday is at other times for each of them.
		east, west := h.doctor(t), h.doctor(t)
		for doctor, zone := range map[doctors.ID]string{east: "Pacific/Auckland", west: "Pacific/Honolulu"} {
			input := officeHours()
			input.TimeZone = zone
			_, err := h.Replace(ctx, admin, doctor, revision.Match{}, input)
			require.NoError(t, err)
			for _, day := range []string{"2026-12-23", "2026-12-24", "2026-12-25"} {
				h.addVisit(t, doctor, kind, zone, day, "09:00")
				h.addVisit(t, doctor, kind, zone, day, "16:30")
			}
		}
		add := func(t *testing.T, doctor *doctors.ID, input domain.ExceptionInput) app.DetailedException {
			t.Helper()
			var added app.DetailedException
			var err error
			if doctor == nil {
				added, err = h.AddHoliday(ctx, admin, input)
			} else {
				added, err = h.AddException(ctx, admin, *doctor, input)
			}
			require.NoError(t, err)
			return added
		}
		remove := func(t *testing.T, e app.DetailedException) {
			t.Helper()
			require.NoError(t, db.Write(ctx).Exec("DELETE FROM availability_exceptions WHERE id = ?", e.ID).Error)
		}
		for name, c := range map[string]struct {
			doctor *doctors.ID
			input  domain.ExceptionInput
			want   int
		}{
			"a closed day":           {&east, closedOn("2026-12-24"), 2},
			"a closed day elsewhere": {&west, closedOn("2026-12-24"), 2},
			"three closed days": {&east,
				domain.ExceptionInput{StartsOn: "2026-12-23", EndsOn: "2026-12-25", Kind: "closed"}, 6},
			"closed mornings": {&east, domain.ExceptionInput{
				StartsOn: "2026-12-23", EndsOn: "2026-12-24", From: "08:00", To: "12:00", Kind: "closed"}, 2},
			"shorter hours": {&west, domain.ExceptionInput{
				StartsOn: "2026-12-24", From: "09:00", To: "12:00", Kind: "hours"}, 1},
			"a holiday":          {nil, closedOn("2026-12-24"), 4},
			"a day without them": {nil, closedOn("2026-12-26"), 0},
		} {
			t.Run(name, func(t *testing.T) {
				added := add(t, c.doctor, c.input)
				require.Equal(t, c.want, added.Affected)
				remove(t, added)
			})
		}
		t.Run("a holiday on which a doctor has hours", func(t *testing.T) {
			open := add(t, &east, domain.ExceptionInput{
				StartsOn: "2026-12-24", From: "09:00", To: "12:00", Kind: "hours"})
			holiday := add(t, nil, closedOn("2026-12-24"))
			require.Equal(t, 3, holiday.Affected, "two in the west, and one in the east that was outside before")
			remove(t, open)
			remove(t, holiday)
		})
		t.Run("without appointments that are over", func(t *testing.T) {
			h.moveTo(time.Date(2026, time.December, 24, 19, 30, 0, 0, time.UTC)) // 09:30 in Honolulu
			added := add(t, &west, closedOn("2026-12-24"))
			require.Equal(t, 1, added.Affected)
			h.clock.Advance(8 * time.Hour)
			found, err := h.FindException(ctx, west, added.ID)
			require.NoError(t, err)
			require.Zero(t, found.Affected)
			h.moveTo(madeAt)
		})
	})
}

func TestAvailabilityReturnsEveryErrorAndLeavesNoEffect(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		directory := new(doctorstest.Directory)
		service := app.NewAvailability(store.NewAvailability(db, kolkata), store.NewTypes(db), directory,
			new(audittest.Recorder), db, clock.At(madeAt))
		kind := newTypesEnv(t, db).registered(t, consultation("Consultation"))
		var doctor doctors.ID // new for each case
		var exception, holiday domain.ExceptionID
		for name, c := range map[string]struct {
			run  func(ctx context.Context) error
			want error
		}{
			"find": {func(ctx context.Context) error {
				_, err := service.Find(ctx, staff, doctor)
				return err
			}, nil},
			"replace": {func(ctx context.Context) error {
				input := officeHours()
				input.Windows[0].Type = kind.ID.String()
				_, err := service.Replace(ctx, staff, doctor, revision.Match{}, input)
				return err
			}, nil},
			"replace without permission": {func(ctx context.Context) error {
				_, err := service.Replace(ctx, actingFor(doctors.ID{}), doctor, revision.Match{}, officeHours())
				return err
			}, appointments.ErrOtherDoctor},
			"add an exception": {func(ctx context.Context) error {
				_, err := service.AddException(ctx, staff, doctor, closedOn("2026-12-24"))
				return err
			}, nil},
			"add a holiday": {func(ctx context.Context) error {
				_, err := service.AddHoliday(ctx, admin, closedOn("2026-12-24"))
				return err
			}, nil},
			"find an exception": {func(ctx context.Context) error {
				_, err := service.FindException(ctx, doctor, exception)
				return err
			}, nil},
			"browse exceptions": {func(ctx context.Context) error {
				_, err := service.BrowseExceptions(ctx, doctor, nil, byStart)
				return err
			}, nil},
			"browse holidays": {func(ctx context.Context) error {
				_, err := service.BrowseHolidays(ctx, nil, byStart)
				return err
			}, nil},
			"remove an exception": {func(ctx context.Context) error {
				return service.RemoveException(ctx, staff, doctor, exception)
			}, nil},
			"remove a holiday": {func(ctx context.Context) error {
				return service.RemoveHoliday(ctx, admin, holiday)
			}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				h := newAvailabilityEnv(t, db)
				doctor = h.doctor(t)
				directory.Add(doctors.Doctor{ID: doctor})
				added, err := h.AddException(t.Context(), staff, doctor, closedOn("2026-12-24"))
				require.NoError(t, err)
				exception = added.ID
				added, err = h.AddHoliday(t.Context(), admin, closedOn("2026-12-24"))
				require.NoError(t, err)
				holiday = added.ID
				h.addVisit(t, doctor, kind, "UTC", "2026-12-24", "10:00")
				require.ErrorIs(t, databasetest.RunWithFaults(t, db, c.run), c.want)
			})
		}
	})
}
