package app_test

import (
	"context"
	"strings"
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
	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/recordid"
)

var feedsNow = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

// accounts is an identity.Parties of users, some of whom are linked to a doctor's record.
type accounts struct {
	users  map[uuid.UUID]identity.AccountView
	linked map[uuid.UUID]uuid.UUID // user by doctor
}

func (a *accounts) ActingFor(_ context.Context, parties []uuid.UUID, _ time.Time) (all []identity.Acting, _ error) {
	for _, party := range parties {
		if user, ok := a.linked[party]; ok {
			view := a.users[user]
			all = append(all, identity.Acting{
				User: identity.UserID{UUID: user}, Role: view.Role, Active: view.Active,
				Capacity: auth.Capacity{ID: party, Kind: auth.AsDoctor},
			})
		}
	}
	return all, nil
}

func (a *accounts) Capacities(
	_ context.Context, user identity.UserID, _ time.Time,
) (held []auth.Capacity, _ error) {
	for doctor, linked := range a.linked {
		if linked == user.UUID {
			held = append(held, auth.Capacity{ID: doctor, Kind: auth.AsDoctor})
		}
	}
	return held, nil
}

func (a *accounts) Accounts(
	_ context.Context, users []identity.UserID,
) (map[identity.UserID]identity.AccountView, error) {
	found := map[identity.UserID]identity.AccountView{}
	for _, user := range users {
		if view, ok := a.users[user.UUID]; ok {
			found[user] = view
		}
	}
	return found, nil
}

// feedsEnv is a Feeds with the real store, and fakes of the other modules.
type feedsEnv struct {
	*app.Feeds
	t        *testing.T
	db       *database.DB
	clock    *clock.Manual
	trail    *audittest.Recorder
	patients patientstest.Directory
	doctors  doctorstest.Directory
	accounts *accounts
	admin    auth.Principal
}

func newFeedsEnv(t *testing.T, db *database.DB) *feedsEnv {
	t.Helper()
	h := &feedsEnv{
		t: t, db: db, clock: clock.At(feedsNow), trail: new(audittest.Recorder),
		accounts: &accounts{map[uuid.UUID]identity.AccountView{}, map[uuid.UUID]uuid.UUID{}},
	}
	trail := audittest.Transactional(t, db, h.trail)
	h.Feeds = app.NewFeeds(store.NewFeeds(db), &h.patients, &h.doctors, h.accounts, trail, db, h.clock)
	h.admin = h.user(auth.Admin)
	return h
}

// run runs a subtest, with which the methods of h then fail.
func (h *feedsEnv) run(name string, test func(t *testing.T)) {
	outer := h.t
	outer.Run(name, func(t *testing.T) {
		h.t = t
		defer func() { h.t = outer }()
		test(t)
	})
}

func (h *feedsEnv) user(role auth.Role) auth.Principal {
	h.t.Helper()
	who := auth.Principal{UserID: databasetest.NewUser(h.t, h.db), Role: role}
	h.accounts.users[who.UserID] = identity.AccountView{Name: "N", Role: role, Active: true}
	return who
}

func (h *feedsEnv) doctor() doctors.ID {
	h.t.Helper()
	id := doctors.ID{UUID: databasetest.NewDoctor(h.t, h.db)}
	h.doctors.Add(doctors.Doctor{ID: id, Name: "Dr. Vikram Khanna"})
	return id
}

// linkedDoctor returns a doctor and the user who is linked to the record.
func (h *feedsEnv) linkedDoctor() (doctors.ID, auth.Principal) {
	h.t.Helper()
	doctor, user := h.doctor(), h.user(doctors.Role)
	h.accounts.linked[doctor.UUID] = user.UserID
	user.For = []auth.Capacity{{ID: doctor.UUID, Kind: auth.AsDoctor}}
	return doctor, user
}

// change changes the account of a user.
func (h *feedsEnv) change(user auth.Principal, role auth.Role, active bool) {
	h.accounts.users[user.UserID] = identity.AccountView{Name: "N", Role: role, Active: active}
}

func (h *feedsEnv) added(who auth.Principal, doctor doctors.ID, detail domain.Detail) (domain.Feed, string) {
	h.t.Helper()
	feed, secret, err := h.Add(h.t.Context(), who, doctor, string(detail))
	require.NoError(h.t, err)
	return feed, secret.Text()
}

func (h *feedsEnv) read(secret string) []app.ShownEvent {
	h.t.Helper()
	events, err := h.Read(h.t.Context(), secret)
	require.NoError(h.t, err)
	return events
}

func (h *feedsEnv) requireGone(secret string) {
	h.t.Helper()
	_, err := h.Read(h.t.Context(), secret)
	require.ErrorIs(h.t, err, appointments.ErrFeedNotFound)
}

// patient returns a patient of the owner.
func (h *feedsEnv) patient(owner uuid.UUID, name string) patients.Patient {
	h.t.Helper()
	id := patients.ID{UUID: databasetest.NewPatient(h.t, h.db, owner)}
	patient := patients.Patient{ID: id, Owner: owner, Name: name}
	h.patients.Add(owner, patient)
	return patient
}

// visit stores an appointment of the patient, some hours ahead.
func (h *feedsEnv) visit(doctor doctors.ID, patient patients.Patient, hours int) appointments.ID {
	h.t.Helper()
	of := domain.Type{ID: recordid.New[domain.TypeID](), TypeDetails: domain.TypeDetails{Minutes: 60, Capacity: 1}}
	require.NoError(h.t, h.db.Write(h.t.Context()).Exec(`INSERT INTO appointment_types (id, name, minutes,
		buffer_before, buffer_after, capacity, needs_confirmation, for_patients, active, version, created_at,
		updated_at) VALUES (?, ?, 60, 0, 0, 1, ?, ?, ?, 1, ?, ?)`,
		of.ID, of.ID.String(), false, false, true, database.At(feedsNow), database.At(feedsNow)).Error)
	a := domain.New(patient, "a reason", patient.Owner, feedsNow)
	a.Status = appointments.Booked
	a.Place(doctor, of, feedsNow.Add(time.Duration(hours)*time.Hour), time.UTC)
	require.NoError(h.t, store.New(h.db).Add(h.t.Context(), a))
	return a.ID
}

// recordedAfter returns the entries after the first n.
func (h *feedsEnv) recordedAfter(n int) []audittest.Recorded {
	return h.trail.Recorded()[n:]
}

func eachFeeds(t *testing.T, test func(t *testing.T, h *feedsEnv)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) { test(t, newFeedsEnv(t, db)) })
}

func TestManagingFeeds(t *testing.T) {
	eachFeeds(t, func(t *testing.T, h *feedsEnv) {
		doctor, user := h.linkedDoctor()
		other, _ := h.linkedDoctor()
		ctx := t.Context()

		feed, _ := h.added(user, doctor, "")
		require.Equal(t, domain.Busy, feed.Detail, "the default")
		require.Equal(t, []audittest.Recorded{
			{Who: user, Entry: audit.NewEntry(audit.Create, "CalendarFeed", feed.ID.UUID)},
		}, h.recordedAfter(0))
		second, _ := h.added(h.admin, doctor, "Initials")
		listed, err := h.List(ctx, user, doctor)
		require.NoError(t, err)
		require.ElementsMatch(t, []domain.Feed{feed, second}, listed)

		for name, run := range map[string]func() error{
			"add": func() error {
				_, _, err := h.Add(ctx, user, other, "busy")
				return err
			},
			"list": func() error {
				_, err := h.List(ctx, user, other)
				return err
			},
			"remove": func() error { return h.Remove(ctx, user, other, feed.ID) },
		} {
			h.run(name+" is forbidden for another doctor, and recorded", func(t *testing.T) {
				before := len(h.trail.Recorded())
				require.ErrorIs(t, run(), appointments.ErrFeedsOfOthers)
				require.Equal(t, []audittest.Recorded{
					{Who: user, Entry: audit.NewRefusal("CalendarFeed", uuid.Nil, 403)},
				}, h.recordedAfter(before))
			})
		}
		h.run("initials are for administrators, and the refusal is recorded", func(t *testing.T) {
			before := len(h.trail.Recorded())
			_, _, err := h.Add(ctx, user, doctor, "initials")
			require.ErrorIs(t, err, appointments.ErrInitials)
			require.Len(t, h.recordedAfter(before), 1)
		})
		h.run("another detail is invalid", func(t *testing.T) {
			_, _, err := h.Add(ctx, user, doctor, "names")
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		})
		h.run("a doctor who does not exist is not found", func(t *testing.T) {
			missing := recordid.New[doctors.ID]()
			_, _, err := h.Add(ctx, h.admin, missing, "busy")
			require.ErrorIs(t, err, doctors.ErrNotFound)
			_, err = h.List(ctx, h.admin, missing)
			require.ErrorIs(t, err, doctors.ErrNotFound)
		})
		h.run("removing is recorded, and the address is invalid", func(t *testing.T) {
			feed, secret := h.added(user, doctor, domain.Busy)
			h.read(secret)
			before := len(h.trail.Recorded())
			require.NoError(t, h.Remove(ctx, user, doctor, feed.ID))
			require.Equal(t, []audittest.Recorded{
				{Who: user, Entry: audit.NewEntry(audit.Delete, "CalendarFeed", feed.ID.UUID)},
			}, h.recordedAfter(before))
			h.requireGone(secret)
			require.ErrorIs(t, h.Remove(ctx, user, doctor, feed.ID), appointments.ErrFeedNotFound)
		})
	})
}

func TestReadingFeeds(t *testing.T) {
	eachFeeds(t, func(t *testing.T, h *feedsEnv) {
		h.run("needs the secret, and no more than one query without it", func(t *testing.T) {
			doctor, user := h.linkedDoctor()
			_, secret := h.added(user, doctor, domain.Busy)
			_, unknown := domain.NewFeed(doctor, domain.Busy, user.UserID, feedsNow)
			sent := databasetest.Queries(t, h.db)
			h.requireGone(unknown.Text())
			require.Len(t, *sent, 1)
			last := secret[len(secret)-1:]
			for _, malformed := range []string{
				"", "x", secret[1:], secret + "A", secret[:42] + "=", secret[:42] + "\n", "\n" + secret[:42],
				strings.Repeat("+", 43), secret[:42] + string(last[0]+1),
			} {
				h.requireGone(malformed)
			}
			require.LessOrEqual(t, len(*sent), 2, "only the last may have the form of a secret")
			h.read(secret)
		})
		h.run("records the first read of each day, without an actor", func(t *testing.T) {
			doctor, user := h.linkedDoctor()
			feed, secret := h.added(user, doctor, domain.Busy)
			before := len(h.trail.Recorded())
			h.visit(doctor, h.patient(user.UserID, "Ananya Verma"), 1)
			for range 3 {
				require.Len(t, h.read(secret), 1)
			}
			one := audittest.Recorded{Entry: audit.NewEntry(audit.Read, "CalendarFeed", feed.ID.UUID)}
			require.Equal(t, []audittest.Recorded{one}, h.recordedAfter(before))
			h.clock.Advance(2 * time.Hour) // the next day
			h.read(secret)
			h.read(secret)
			require.Equal(t, []audittest.Recorded{one, one}, h.recordedAfter(before))
			listed, err := h.List(t.Context(), user, doctor)
			require.NoError(t, err)
			require.Equal(t, calendar.DateOf(h.clock.Now(), time.UTC), *listed[0].LastUsedOn)
		})
		h.run("is limited for each feed", func(t *testing.T) {
			doctor, user := h.linkedDoctor()
			_, secret := h.added(user, doctor, domain.Busy)
			_, another := h.added(user, doctor, domain.Busy)
			for range domain.FeedReads {
				h.read(secret)
			}
			_, err := h.Read(t.Context(), secret)
			require.Equal(t, errs.Throttled, errs.KindOf(err))
			var rejected *errs.Error
			require.ErrorAs(t, err, &rejected)
			require.Equal(t, time.Minute, rejected.RetryAfter)
			require.Zero(t, appointments.ErrTooManyFeedReads.RetryAfter)
			h.read(another)
			h.clock.Advance(time.Minute)
			h.read(secret)
		})
		h.run("ends while the creator may not create the feed", func(t *testing.T) {
			doctor, user := h.linkedDoctor()
			_, own := h.added(user, doctor, domain.Busy)
			admin := h.user(auth.Admin)
			_, administered := h.added(admin, doctor, domain.Busy)
			h.change(user, doctors.Role, false)
			h.requireGone(own)
			h.read(administered)
			h.change(user, doctors.Role, true)
			h.read(own)
			h.change(admin, auth.Staff, true)
			h.requireGone(administered)
			h.change(admin, auth.Admin, false)
			h.requireGone(administered)
			h.change(admin, auth.Admin, true)
			h.read(administered)
			delete(h.accounts.linked, doctor.UUID)
			h.requireGone(own)
			h.read(administered)
			delete(h.accounts.users, admin.UserID)
			h.requireGone(administered)
		})
		h.run("shows initials only while the creator is an administrator, who may be the doctor", func(t *testing.T) {
			doctor, user := h.linkedDoctor()
			user.Role = auth.Admin
			h.change(user, auth.Admin, true)
			_, secret := h.added(user, doctor, domain.Initials)
			h.read(secret)
			h.change(user, doctors.Role, true)
			h.requireGone(secret)
		})
	})
}

func TestInitialsInFeeds(t *testing.T) {
	eachFeeds(t, func(t *testing.T, h *feedsEnv) {
		initials := func(secret string) map[appointments.ID]string {
			all := map[appointments.ID]string{}
			for _, event := range h.read(secret) {
				all[event.ID] = event.Initials
			}
			return all
		}
		h.run("are those of patients whom the doctor may see, and not the administrator", func(t *testing.T) {
			doctor, user := h.linkedDoctor()
			seen := h.patient(h.user(auth.Staff).UserID, "Ananya Verma")
			hidden := h.patient(h.admin.UserID, "Kabir Singh")
			h.patients.Represent(doctor.UUID, seen.ID, time.Time{}) // granted to the doctor
			own := h.patient(user.UserID, "Meera")
			visits := []appointments.ID{h.visit(doctor, seen, 1), h.visit(doctor, hidden, 2), h.visit(doctor, own, 3)}
			_, secret := h.added(h.admin, doctor, domain.Initials)
			_, busy := h.added(h.admin, doctor, domain.Busy)
			before := len(h.trail.Recorded())
			want := map[appointments.ID]string{visits[0]: "AV", visits[1]: "", visits[2]: "M"}
			require.Equal(t, want, initials(secret))
			entries := h.recordedAfter(before)
			require.Len(t, entries, 3, "the feed, and the patients for each reason")
			var named []uuid.UUID
			for _, entry := range entries[1:] {
				require.Equal(t, [2]any{audit.List, audit.Patient}, [2]any{entry.Action, entry.Resource})
				require.Zero(t, entry.Who)
				named = append(named, entry.IDs...)
			}
			require.ElementsMatch(t, []uuid.UUID{seen.ID.UUID, own.ID.UUID}, named)
			none := map[appointments.ID]string{visits[0]: "", visits[1]: "", visits[2]: ""}
			require.Equal(t, none, initials(busy))
			h.change(user, doctors.Role, false)
			require.Equal(t, none, initials(secret), "the doctor's account is disabled")
		})
		h.run("are those of patients of a doctor without an account", func(t *testing.T) {
			doctor := h.doctor()
			seen := h.patient(h.user(auth.Staff).UserID, "Ananya Verma")
			hidden := h.patient(h.admin.UserID, "Kabir Singh")
			h.patients.Represent(doctor.UUID, seen.ID, time.Time{})
			visits := []appointments.ID{h.visit(doctor, seen, 1), h.visit(doctor, hidden, 2)}
			_, secret := h.added(h.admin, doctor, domain.Initials)
			require.Equal(t, map[appointments.ID]string{visits[0]: "AV", visits[1]: ""}, initials(secret))
		})
	})
}

func TestFeedsReturnEveryErrorAndLeaveNoEffect(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFeedsEnv(t, db)
		doctor, user := h.linkedDoctor()
		feed, secret := h.added(user, doctor, domain.Busy)
		require.NoError(t, databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
			_, _, err := h.Add(ctx, user, doctor, "busy")
			return err
		}))
		require.NoError(t, databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
			_, err := h.List(ctx, user, doctor)
			return err
		}))
		require.NoError(t, databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
			_, err := h.Read(ctx, secret)
			return err
		}))
		require.NoError(t, databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
			return h.Remove(ctx, user, doctor, feed.ID)
		}))
	})
}

func TestFeedsEndWithTheirReason(t *testing.T) {
	eachFeeds(t, func(t *testing.T, h *feedsEnv) {
		feeds, by := store.NewFeeds(h.db), h.admin
		publisher := events.New(
			app.WhenUnlinkedEndFeeds(feeds, h.trail), app.WhenDoctorDeletedEndFeeds(feeds, h.trail),
			app.WhenAccountRemovedEndFeeds(feeds, h.trail),
		)
		for _, c := range []struct {
			name  string
			event func(doctor doctors.ID, user auth.Principal) any
			ended []int // of the user's feed, that of an administrator for the same doctor, and one of another doctor
		}{
			{"the link to the account", func(doctor doctors.ID, _ auth.Principal) any {
				return doctors.Unlinked{ID: doctor, By: by}
			}, []int{0, 1}},
			{"the doctor", func(doctor doctors.ID, _ auth.Principal) any {
				return doctors.Deleted{ID: doctor, By: by}
			}, []int{0, 1}},
			{"the account of the creator", func(_ doctors.ID, user auth.Principal) any {
				return identity.Removed{User: identity.UserID{UUID: user.UserID}, By: by}
			}, []int{0}},
		} {
			h.run(c.name, func(t *testing.T) {
				doctor, user := h.linkedDoctor()
				another, other := h.linkedDoctor()
				var made []domain.Feed
				for _, of := range []struct {
					who    auth.Principal
					doctor doctors.ID
				}{{user, doctor}, {by, doctor}, {other, another}} {
					feed, _ := h.added(of.who, of.doctor, domain.Busy)
					made = append(made, feed)
				}
				var want []uuid.UUID
				for _, i := range c.ended {
					want = append(want, made[i].ID.UUID)
				}
				before := len(h.trail.Recorded())
				for range 2 { // the second finds none, and records nothing
					require.NoError(t, h.db.Do(t.Context(), func(ctx context.Context) error {
						return publisher.Publish(ctx, c.event(doctor, user))
					}))
				}
				recorded := h.recordedAfter(before)
				require.Len(t, recorded, 1)
				require.Equal(t, [3]any{by, audit.Delete, audit.Resource("CalendarFeed")},
					[3]any{recorded[0].Who, recorded[0].Action, recorded[0].Resource})
				require.ElementsMatch(t, want, recorded[0].IDs)
				var left []domain.Feed
				for _, of := range []doctors.ID{doctor, another} {
					listed, err := feeds.List(t.Context(), of)
					require.NoError(t, err)
					left = append(left, listed...)
				}
				require.Len(t, left, len(made)-len(want))
			})
		}
	})
}
