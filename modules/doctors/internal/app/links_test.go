package app_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/identity"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/jobs"
	"healthcare/platform/onetime"
	"healthcare/platform/revision"
)

func (h env) exec(t *testing.T, statement string, values ...any) {
	t.Helper()
	require.NoError(t, h.db.Write(t.Context()).Exec(statement, values...).Error)
}

func (h env) invited(t *testing.T, id doctors.ID) app.Invited {
	t.Helper()
	invited, err := h.Invite(t.Context(), anyAdmin, id)
	require.NoError(t, err)
	return invited
}

// linked returns a doctor whose record is linked to the user.
func (h env) linked(t *testing.T, who auth.Principal) domain.Doctor {
	t.Helper()
	doctor := h.registered(t, domain.Details{Name: "L", Specialization: "S"})
	claimed, err := h.Claim(t.Context(), who, h.invited(t, doctor.ID).Code.Reveal())
	require.NoError(t, err)
	require.Equal(t, doctor, claimed)
	return doctor
}

func (h env) linkOf(t *testing.T, id doctors.ID) *domain.Link {
	t.Helper()
	link, err := store.New(h.db).LinkOf(t.Context(), id)
	require.NoError(t, err)
	return link
}

func TestClaim(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var linked []doctors.Linked
		var failure error
		h := newEnv(t, db, events.On("subscriber", func(ctx context.Context, e doctors.Linked) error {
			link, err := store.New(db).LinkOfUser(ctx, e.User)
			require.NoError(t, err)
			require.Nil(t, link, "the subscriber locks the account before a row refers to it")
			linked = append(linked, e)
			return failure
		}))
		claim := func(t *testing.T, who auth.Principal, code string) error {
			_, err := h.Claim(t.Context(), who, code)
			return err
		}
		user, doctor := staffUser(t, db), h.registered(t, domain.Details{Name: "D", Specialization: "S"})
		rivals := h.registered(t, domain.Details{Name: "R", Specialization: "S"})

		t.Run("has no effect if a subscriber refuses it", func(t *testing.T) {
			invited := h.invited(t, doctor.ID)
			failure = errs.New(errs.Conflict, "role_conflict", "Refused.")
			require.ErrorIs(t, claim(t, user, invited.Code.Reveal()), failure)
			require.Nil(t, h.linkOf(t, doctor.ID))
			failure, linked = nil, nil
			require.NoError(t, claim(t, user, invited.Code.Reveal()), "the code is still valid")
			h.exec(t, `DELETE FROM doctor_links`)
		})
		t.Run("links the user, for any spelling of the code", func(t *testing.T) {
			linked = nil
			invited := h.invited(t, doctor.ID)
			require.Equal(t, now.Add(72*time.Hour), invited.ExpiresAt)
			claimed, err := h.Claim(t.Context(), user, " "+strings.ToLower(invited.Code.Reveal()))
			require.NoError(t, err)
			require.Equal(t, doctor, claimed)
			require.Equal(t, []doctors.Linked{{ID: doctor.ID, User: user.UserID, By: user}}, linked)
			require.Equal(t, &domain.Link{Doctor: doctor.ID, User: user.UserID, LinkedAt: now}, h.linkOf(t, doctor.ID))
			require.NoError(t, app.NewLinkRequirement(store.New(db)).Fits(t.Context(), user.UserID))
			require.ErrorIs(t, claim(t, staffUser(t, db), invited.Code.Reveal()), doctors.ErrNoInvitation, "spent")
			_, err = h.Invite(t.Context(), anyAdmin, doctor.ID)
			require.ErrorIs(t, err, doctors.ErrRecordLinked)
		})
		t.Run("is refused to a user who has a record, and leaves the code valid", func(t *testing.T) {
			linked = nil
			invited := h.invited(t, rivals.ID)
			require.ErrorIs(t, claim(t, user, invited.Code.Reveal()), doctors.ErrAccountLinked)
			require.Empty(t, linked)
			require.Nil(t, h.linkOf(t, rivals.ID))
			require.NoError(t, claim(t, staffUser(t, db), invited.Code.Reveal()))
		})
		t.Run("rejects an empty and an overlong code", func(t *testing.T) {
			for _, code := range []string{"", " ", strings.Repeat("U", 65)} {
				require.Equal(t, errs.Invalid, errs.KindOf(claim(t, user, code)))
			}
		})
		t.Run("finds no invitation for every code that is not valid", func(t *testing.T) {
			linked = nil
			third := h.registered(t, domain.Details{Name: "T", Specialization: "S"})
			replaced, withdrawn := h.invited(t, third.ID), h.invited(t, third.ID)
			require.ErrorIs(t, h.Withdraw(t.Context(), anyAdmin, third.ID, replaced.ID), doctors.ErrNoInvitation)
			require.NoError(t, h.Withdraw(t.Context(), anyAdmin, third.ID, withdrawn.ID))
			expired := h.invited(t, third.ID)
			h.clock.Advance(72 * time.Hour)
			removed := h.registered(t, domain.Details{Name: "R", Specialization: "S"})
			ofRemoved := h.invited(t, removed.ID)
			require.NoError(t, h.Remove(t.Context(), anyAdmin, removed.ID, revision.Match{}))
			for name, code := range map[string]string{
				"replaced": replaced.Code.Reveal(), "withdrawn": withdrawn.Code.Reveal(),
				"of a removed doctor": ofRemoved.Code.Reveal(), "expired": expired.Code.Reveal(),
				"wrong": onetime.New().Reveal(), "malformed": "U",
			} {
				require.Equal(t, error(doctors.ErrNoInvitation), claim(t, staffUser(t, db), code), name)
			}
			require.Empty(t, linked)
		})
	})
}

func TestLinksInTheTrail(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	h, trail := newService(db, store.New(db), storedAssignments{db}, doctors.Config{Mode: doctors.Open})
	user, other := staffUser(t, db), staffUser(t, db)
	last := func() audittest.Recorded {
		all := trail.Recorded()
		return all[len(all)-1]
	}
	doctor := h.linked(t, user)
	require.Equal(t, audit.NewEntry(audit.Linked, "Doctor", doctor.ID.UUID), last().Entry)
	require.Equal(t, user, last().Who)
	for name, change := range map[string]func() error{
		"change": func() error {
			_, err := h.Amend(t.Context(), other, doctor.ID, revision.Match{}, domain.Changes{Name: new("X")})
			return err
		},
		"removal": func() error { return h.Remove(t.Context(), other, doctor.ID, revision.Match{}) },
		"unlink":  func() error { return h.Unlink(t.Context(), other, doctor.ID) },
	} {
		before := len(trail.Recorded())
		require.ErrorIs(t, change(), doctors.ErrLinked, name)
		require.Len(t, trail.Recorded(), before+1)
		require.Equal(t, audit.NewRefusal("Doctor", doctor.ID.UUID, 403), last().Entry, name)
	}
	require.NoError(t, h.Unlink(t.Context(), user, doctor.ID))
	require.Equal(t, audit.NewEntry(audit.Unlinked, "Doctor", doctor.ID.UUID), last().Entry)
	invited := h.invited(t, doctor.ID)
	require.Equal(t, audit.NewEntry(audit.Invited, "Doctor", doctor.ID.UUID), last().Entry)
	require.NoError(t, h.Withdraw(t.Context(), anyAdmin, doctor.ID, invited.ID))
	require.Equal(t, audit.NewEntry(audit.Withdrawn, "Doctor", doctor.ID.UUID), last().Entry)
	_, err := h.Claim(t.Context(), user, invited.Code.Reveal())
	require.ErrorIs(t, err, doctors.ErrNoInvitation)
	require.Equal(t, audit.NewRefusal("Doctor", uuid.Nil, 404), last().Entry, "a failed claim may be a guess")
}

// Every end of a link has an entry: by a removal of the doctor, at once or by a job, and by one of the account.
func TestEndsOfLinksInTheTrail(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, trail := newService(db, store.New(db), storedAssignments{db}, doctors.Config{Mode: doctors.Open})
		since := func(run func()) []audittest.Recorded {
			before := len(trail.Recorded())
			run()
			return trail.Recorded()[before:]
		}
		by := func(who auth.Principal, id doctors.ID, actions ...audit.Action) (all []audittest.Recorded) {
			for _, action := range actions {
				all = append(all, audittest.Recorded{Who: who, Entry: audit.NewEntry(action, "Doctor", id.UUID)})
			}
			return all
		}
		t.Run("a removal of the doctor", func(t *testing.T) {
			linked := h.linked(t, staffUser(t, db))
			other := h.registered(t, domain.Details{Name: "O", Specialization: "S"})
			require.Equal(t, by(anyAdmin, linked.ID, audit.Unlinked, audit.Delete), since(func() {
				require.NoError(t, h.Remove(t.Context(), anyAdmin, linked.ID, revision.Match{}))
			}))
			require.Equal(t, by(anyAdmin, other.ID, audit.Delete), since(func() {
				require.NoError(t, h.Remove(t.Context(), anyAdmin, other.ID, revision.Match{}))
			}), "without a link")
		})
		t.Run("a removal of the doctor by a job", func(t *testing.T) {
			linked := h.linked(t, staffUser(t, db))
			admin := auth.Principal{UserID: uuid.New(), SessionID: uuid.New(), Role: auth.Admin}
			_, err := h.StartRemoval(t.Context(), admin, linked.ID, revision.Match{}, nil)
			require.NoError(t, err)
			require.NotNil(t, h.linkOf(t, linked.ID), "until the job deletes the doctor")
			require.Equal(t, by(admin, linked.ID, audit.Unlinked, audit.Delete), since(func() {
				_, done, err := h.Continue(t.Context(), linked.ID, 10)
				require.NoError(t, err)
				require.True(t, done)
			}))
		})
		t.Run("a removal of the account", func(t *testing.T) {
			user := staffUser(t, db)
			linked := h.linked(t, user)
			remove := func() {
				publisher := events.New(app.WhenAccountRemoved(store.New(db), trail))
				removed := identity.Removed{User: identity.UserID{UUID: user.UserID}, By: user}
				require.NoError(t, publisher.Publish(t.Context(), removed))
			}
			require.Equal(t, by(user, linked.ID, audit.Unlinked), since(remove))
			require.Nil(t, h.linkOf(t, linked.ID))
			require.Empty(t, since(remove), "without a link")
		})
		t.Run("a removal of the account during the end of the link", func(t *testing.T) {
			user := staffUser(t, db)
			linked := h.linked(t, user)
			overtaken := app.New(store.New(db), storedAssignments{db}, jobs.NewQueue(db, h.clock), trail, db,
				events.New(events.On("identity", func(ctx context.Context, _ doctors.Unlinked) error {
					_, err := store.New(db).UnlinkUser(ctx, user.UserID)
					return err
				})), h.clock, codes, doctors.Config{})
			require.Empty(t, since(func() {
				err := overtaken.Unlink(t.Context(), anyAdmin, linked.ID)
				require.ErrorIs(t, err, doctors.ErrNotLinked)
			}), "the removal of the account has recorded it")
		})
	})
}

func TestUnlink(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var unlinked []doctors.Unlinked
		h := newEnv(t, db, events.On("subscriber", func(_ context.Context, e doctors.Unlinked) error {
			unlinked = append(unlinked, e)
			return nil
		}))
		user := staffUser(t, db)
		t.Run("ends the link for its user and for administrators", func(t *testing.T) {
			for _, who := range []auth.Principal{user, anyAdmin} {
				unlinked = nil
				doctor := h.linked(t, user)
				require.NoError(t, h.Unlink(t.Context(), who, doctor.ID))
				require.Nil(t, h.linkOf(t, doctor.ID))
				require.Equal(t, []doctors.Unlinked{{ID: doctor.ID, By: who}}, unlinked)
				require.ErrorIs(t, h.Unlink(t.Context(), who, doctor.ID), doctors.ErrNotLinked)
				fits := app.NewLinkRequirement(store.New(db)).Fits(t.Context(), user.UserID)
				require.ErrorIs(t, fits, doctors.ErrNoRecord)
			}
		})
		t.Run("is refused to other users", func(t *testing.T) {
			unlinked = nil
			doctor := h.linked(t, user)
			require.ErrorIs(t, h.Unlink(t.Context(), staffUser(t, db), doctor.ID), doctors.ErrLinked)
			require.NotNil(t, h.linkOf(t, doctor.ID))
			require.Empty(t, unlinked)
		})
		t.Run("needs a doctor", func(t *testing.T) {
			require.ErrorIs(t, h.Unlink(t.Context(), anyAdmin, doctors.ID{UUID: uuid.New()}), doctors.ErrNotFound)
		})
	})
}

// A linked record is changed by its user or an administrator, in every mode of the directory.
func TestLinkedRecordsAreChangedByTheirUser(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	for _, mode := range []doctors.Mode{doctors.Guarded, doctors.Open, doctors.Curated} {
		h, _ := newService(db, store.New(db), storedAssignments{db}, doctors.Config{Mode: mode})
		user, other := staffUser(t, db), staffUser(t, db)
		doctor := h.linked(t, user)
		changes := func(who auth.Principal, stale revision.Match) []error {
			_, amended := h.Amend(t.Context(), who, doctor.ID, stale, domain.Changes{Phone: new("1")})
			_, revised := h.Revise(t.Context(), who, doctor.ID, stale, domain.Details{Name: "X", Specialization: "S"})
			return []error{amended, revised, h.Remove(t.Context(), who, doctor.ID, stale)}
		}
		for _, err := range append(changes(other, revision.Match{}), changes(other, revision.OneOf(9))...) {
			require.ErrorIs(t, err, doctors.ErrLinked, mode)
		}
		require.Equal(t, doctor, h.found(t, doctor))
		for _, err := range changes(user, revision.Match{}) {
			require.NoError(t, err, mode)
		}
		doctor = h.linked(t, user) // the removal ended the link
		for _, err := range changes(anyAdmin, revision.Match{}) {
			require.NoError(t, err, mode)
		}
	}
}

// TestInvitationsOutliveARotation claims with a code that was created under a previous secret.
func TestInvitationsOutliveARotation(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	before, after := []byte("the previous secret has 32 bytes"), []byte("another secret, also of 32 bytes")
	with := func(codes app.Codes) env {
		manual := clock.At(now)
		return env{app.New(store.New(db), storedAssignments{db}, jobs.NewQueue(db, manual),
			new(audittest.Recorder), db, events.New(), manual, codes, doctors.Config{}), db, manual}
	}
	doctor := with(codesOf(before)).registered(t, vikram())
	invited, user := with(codesOf(before)).invited(t, doctor.ID), staffUser(t, db)
	_, err := with(codesOf(after)).Claim(t.Context(), user, invited.Code.Reveal())
	require.ErrorIs(t, err, doctors.ErrNoInvitation)
	_, err = with(codesOf(after, before)).Claim(t.Context(), user, invited.Code.Reveal())
	require.NoError(t, err)
}

// TestConcurrentClaims sends two claims of one code, of two users or of one, and a removal or a change beside them.
func TestConcurrentClaims(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rounds := 20
		if db.Engine() == database.Postgres {
			rounds = 200
		}
		var h env
		h = newEnv(t, db, events.On("identity", func(ctx context.Context, e doctors.Linked) error {
			return h.db.Write(ctx).Exec(`UPDATE users SET token_version = token_version + 1 WHERE id = ?`, e.User).Error
		}))
		together := func(calls ...func() error) (failed []error) {
			results := make([]error, len(calls))
			var all sync.WaitGroup
			for i, call := range calls {
				all.Go(func() { results[i] = call() })
			}
			all.Wait()
			return results
		}
		claim := func(who auth.Principal, invited app.Invited) func() error {
			return func() error {
				_, err := h.Claim(t.Context(), who, invited.Code.Reveal())
				return err
			}
		}
		for range rounds {
			doctor := h.registered(t, domain.Details{Name: "D", Specialization: "S"})
			invited, one, two := h.invited(t, doctor.ID), staffUser(t, db), staffUser(t, db)
			stranger := staffUser(t, db)
			results := together(claim(one, invited), claim(two, invited), func() error {
				_, err := h.Amend(t.Context(), stranger, doctor.ID, revision.Match{}, domain.Changes{Phone: new("1")})
				return err
			})
			link := h.linkOf(t, doctor.ID)
			require.NotNil(t, link)
			winner, loser := results[0], results[1]
			if link.User == two.UserID {
				winner, loser = loser, winner
			}
			require.NoError(t, winner)
			require.ErrorIs(t, loser, doctors.ErrNoInvitation)
			if !errors.Is(results[2], doctors.ErrLinked) {
				require.NoError(t, results[2])
			}
			// one user, two codes
			second, third := h.registered(t, domain.Details{Name: "D", Specialization: "S"}),
				h.registered(t, domain.Details{Name: "D", Specialization: "S"})
			results = together(claim(stranger, h.invited(t, second.ID)), claim(stranger, h.invited(t, third.ID)))
			if results[0] != nil {
				results[0], results[1] = results[1], results[0]
			}
			require.NoError(t, results[0])
			require.ErrorIs(t, results[1], doctors.ErrAccountLinked)
			// a removal beside a claim
			doctor = h.registered(t, domain.Details{Name: "D", Specialization: "S"})
			user := staffUser(t, db)
			results = together(claim(user, h.invited(t, doctor.ID)), func() error {
				return h.Remove(t.Context(), anyAdmin, doctor.ID, revision.Match{})
			})
			require.NoError(t, results[1])
			if results[0] != nil {
				require.Equal(t, error(doctors.ErrNoInvitation), results[0])
			}
			require.Nil(t, h.linkOf(t, doctor.ID))
		}
	})
}
