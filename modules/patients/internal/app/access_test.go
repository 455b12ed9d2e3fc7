package app_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/doctorstest"
	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

// accounts is the identity module, as far as the use cases of access need it. All users exist and act for themselves.
type accounts struct {
	capacities map[uuid.UUID][]auth.Capacity
	officers   int
	password   string
}

func (a *accounts) ActingFor(_ context.Context, of []uuid.UUID, _ time.Time) (found []identity.Acting, _ error) {
	for user, capacities := range a.capacities {
		for _, c := range capacities {
			if slices.Contains(of, c.ID) {
				found = append(found, identity.Acting{User: identity.UserID{UUID: user}, Capacity: c, Since: now})
			}
		}
	}
	return found, nil
}

func (a *accounts) Capacities(_ context.Context, user identity.UserID, _ time.Time) ([]auth.Capacity, error) {
	return a.capacities[user.UUID], nil
}

func (a *accounts) Accounts(
	_ context.Context, users []identity.UserID,
) (map[identity.UserID]identity.AccountView, error) {
	all := map[identity.UserID]identity.AccountView{}
	for _, user := range users {
		all[user] = identity.AccountView{Name: "N", Role: auth.Staff, Active: true}
	}
	return all, nil
}

func (a *accounts) FindNames(_ context.Context, users []identity.UserID) (map[identity.UserID]string, error) {
	names := map[identity.UserID]string{}
	for _, user := range users {
		if user.UUID != uuid.Nil {
			names[user] = "N"
		}
	}
	return names, nil
}

func (a *accounts) CountActive(context.Context, auth.Role, int) (int, error) { return a.officers, nil }

func (a *accounts) Reauthenticate(_ context.Context, _ auth.Principal, password string, _ netip.Addr) error {
	if password != a.password {
		return errs.Invalidf("password", "The password is wrong.")
	}
	return nil
}

// accessEnv has the use cases about who sees a patient, with the real store.
type accessEnv struct {
	env
	restrictions *app.Restrictions
	emergencies  *app.Emergencies
	access       *app.Access
	accounts     *accounts
	doctors      *doctorstest.Directory
	trail        *audittest.Recorder
}

func newAccessEnv(db *database.DB, allowed string) accessEnv {
	h := accessEnv{
		accounts: &accounts{map[uuid.UUID][]auth.Capacity{}, 1, "secret"}, doctors: new(doctorstest.Directory),
	}
	h.env, h.trail = newService(db, 0, events.On("identity", func(ctx context.Context, c patients.Claimed) error {
		h.accounts.capacities[c.User] = []auth.Capacity{{ID: c.User, Kind: auth.AsSelf}}
		return databasetest.InjectFault(ctx, "subscriber")
	}))
	restrictions, emergencies := store.NewRestrictions(db), store.NewEmergencies(db)
	h.restrictions = app.NewRestrictions(h.Service, restrictions, h.doctors, h.accounts, h.accounts)
	h.emergencies = app.NewEmergencies(
		h.Service, emergencies, h.accounts, h.accounts, h.accounts, patients.Config{EmergencyAccess: allowed})
	h.access = app.NewAccess(h.Service, restrictions, emergencies, h.accounts)
	return h
}

// member returns the user as a member of the practice.
func (h accessEnv) member(user auth.Principal, practice uuid.UUID, level auth.Level) auth.Principal {
	user.Role, user.For = auth.Staff, []auth.Capacity{{ID: practice, Kind: auth.AsPractice, Level: level}}
	h.accounts.capacities[user.UserID] = user.For
	return user
}

func TestPractice(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, practice, ctx := newAccessEnv(db, ""), uuid.New(), t.Context()
		owner := h.member(newUser(t, db), practice, auth.Write)
		reader := h.member(newUser(t, db), practice, auth.Read)
		manager := h.member(newUser(t, db), practice, auth.Keep)
		patient, err := h.RegisterFor(ctx, owner, born(), &practice)
		require.NoError(t, err)
		t.Run("lets members do what their levels allow", func(t *testing.T) {
			for who, want := range map[*auth.Principal]error{
				&reader: patients.ErrReadOnly, &manager: nil, &owner: nil,
			} {
				require.Equal(t, patient.ID, h.found(t, *who, patient).ID)
				changes := domain.Changes{Notes: new("N")}
				_, err := h.Amend(ctx, *who, patient.ID, revision.Match{}, changes)
				require.ErrorIs(t, err, want)
			}
			require.ErrorIs(t, h.Remove(ctx, reader, patient.ID, revision.Match{}), patients.ErrKeeperOnly)
		})
		t.Run("refuses a medical record number of a manager, which others of the owner could have", func(t *testing.T) {
			number := domain.Changes{MedicalRecordNumber: new("MRN-1")}
			_, err := h.Amend(ctx, manager, patient.ID, revision.Match{}, number)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		})
		t.Run("takes patients of members who may write", func(t *testing.T) {
			for who, of := range map[*auth.Principal]uuid.UUID{&reader: practice, &owner: uuid.New()} {
				_, err := h.RegisterFor(ctx, *who, born(), &of)
				require.Equal(t, errs.Invalid, errs.KindOf(err))
			}
		})
		t.Run("gets patients that were registered before", func(t *testing.T) {
			with := identity.PracticeID{UUID: practice}
			for _, who := range []*auth.Principal{&owner, &reader, &manager} {
				earlier := h.registered(t, *who, born())
				var want error
				if who == &reader {
					want = identity.ErrPracticeNotFound
				}
				for range 2 {
					require.ErrorIs(t, h.ShareWith(ctx, *who, earlier.ID, with), want)
				}
				_, err := h.Find(ctx, manager, earlier.ID)
				require.Equal(t, want == nil, err == nil)
			}
			require.ErrorIs(t, h.ShareWith(ctx, reader, patient.ID, with), patients.ErrKeeperOnly)
			require.ErrorIs(t, h.ShareWith(ctx, newUser(t, db), patient.ID, with), patients.ErrNotFound)
			require.NoError(t, h.ShareWith(ctx, manager, patient.ID, with))
			other := identity.PracticeID{UUID: uuid.New()}
			require.ErrorIs(t, h.ShareWith(ctx, owner, patient.ID, other), identity.ErrPracticeNotFound)
		})
		t.Run("lets a manager remove a patient, which the owner no longer has", func(t *testing.T) {
			require.NoError(t, h.Remove(ctx, manager, patient.ID, revision.Match{}))
			last := h.trail.Recorded()[len(h.trail.Recorded())-1]
			_, err := h.Find(ctx, owner, patient.ID)
			require.ErrorIs(t, err, patients.ErrNotFound)
			require.Equal(t, auth.Reason{Basis: "practice", Grant: practice, For: practice}, last.Entry.Reason)
		})
	})
}

func TestRestrictions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, practice, ctx := newAccessEnv(db, ""), uuid.New(), t.Context()
		owner := h.member(newUser(t, db), practice, auth.Write)
		reader := h.member(newUser(t, db), practice, auth.Read)
		patient, err := h.RegisterFor(ctx, owner, born(), &practice)
		require.NoError(t, err)
		doctor := recordid.New[doctors.ID]()
		h.doctors.Add(doctors.Doctor{ID: doctor, Name: "D"})
		hide := func(who auth.Principal, doctor, user *uuid.UUID) error {
			_, err := h.restrictions.Add(ctx, who, patient.ID, doctor, user)
			return err
		}
		t.Run("are those of the patient and the keeper", func(t *testing.T) {
			require.ErrorIs(t, hide(reader, nil, &owner.UserID), patients.ErrPatientOnly)
			require.ErrorIs(t, hide(newUser(t, db), nil, &owner.UserID), patients.ErrNotFound)
			require.ErrorIs(t, hide(owner, nil, &owner.UserID), patients.ErrKeeperNeeded)
			require.ErrorIs(t, hide(owner, nil, new(uuid.Nil)), patients.ErrUserNotFound)
			require.ErrorIs(t, hide(owner, new(uuid.New()), nil), doctors.ErrNotFound)
			self := asSelf(newUser(t, db))
			grant := domain.Grant{PatientID: patient.ID, GranteeID: self.UserID, Basis: domain.Self,
				SourceID: uuid.New(), Level: patients.Read, GrantedAt: now}
			require.NoError(t, store.NewGrants(db).Put(ctx, grant))
			require.ErrorIs(t, hide(owner, nil, &self.UserID), patients.ErrRepresentative)
			h.accounts.capacities[self.UserID] = []auth.Capacity{{ID: doctor.UUID, Kind: auth.AsDoctor}}
			require.ErrorIs(t, hide(owner, &doctor.UUID, nil), patients.ErrRepresentative, "by the doctor's record")
			h.accounts.capacities[self.UserID] = nil
			h.accounts.capacities[owner.UserID] = []auth.Capacity{{ID: doctor.UUID, Kind: auth.AsDoctor}}
			require.ErrorIs(t, hide(self, &doctor.UUID, nil), patients.ErrKeeperNeeded, "by the doctor's record")
			h.accounts.capacities[owner.UserID] = owner.For
			manager := h.member(newUser(t, db), practice, auth.Keep)
			require.ErrorIs(t, hide(manager, nil, &manager.UserID), patients.ErrKeeperNeeded, "from oneself")
			require.NoError(t, hide(self, &doctor.UUID, nil))
			require.ErrorIs(t, hide(owner, &doctor.UUID, nil), patients.ErrAlreadyRestricted)
		})
		t.Run("hide the patient until they are removed", func(t *testing.T) {
			require.NoError(t, hide(owner, nil, &reader.UserID))
			_, err := h.Find(ctx, reader, patient.ID)
			require.ErrorIs(t, err, patients.ErrNotFound)
			require.Empty(t, h.browsed(t, reader))
			all, err := h.restrictions.Browse(ctx, owner, patient.ID)
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.NoError(t, h.restrictions.Remove(ctx, owner, patient.ID, reader.UserID))
			require.ErrorIs(t, h.restrictions.Remove(ctx, owner, patient.ID, reader.UserID), patients.ErrNoRestriction)
			h.found(t, reader, patient)
		})
		t.Run("are limited", func(t *testing.T) {
			for range domain.MaxRestrictions - 1 {
				require.NoError(t, hide(owner, nil, new(uuid.New())))
			}
			require.ErrorIs(t, hide(owner, nil, new(uuid.New())), patients.ErrTooManyRestrictions)
		})
	})
}

func TestEmergencies(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, ctx := newAccessEnv(db, "doctors"), t.Context()
		owner, user, officer := newUser(t, db), newUser(t, db), newUser(t, db)
		user.Role, officer.Role = doctors.Role, patients.PrivacyRole
		patient := h.registered(t, owner, born())
		in := domain.EmergencyInput{Patient: patient.ID, Reason: "other", Explanation: "An emergency.", Minutes: 30,
			Password: "secret"}
		open := func(who auth.Principal, in domain.EmergencyInput) (app.Opened, error) {
			return h.emergencies.Open(ctx, who, in, netip.Addr{})
		}
		last := func() audit.Entry { return h.trail.Recorded()[len(h.trail.Recorded())-1].Entry }
		t.Run("are refused", func(t *testing.T) {
			_, err := open(owner, in)
			require.ErrorIs(t, err, auth.ErrForbidden, "to staff")
			require.Equal(t, audit.NewRefusal(audit.Patient, patient.ID.UUID, 403), last())
			h.accounts.officers = 0
			_, err = open(user, in)
			require.ErrorIs(t, err, patients.ErrNoPrivacyOfficer)
			h.accounts.officers = 1
			wrong, missing := in, in
			wrong.Password, missing.Patient = "x", recordid.New[patients.ID]()
			_, err = open(user, wrong)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
			_, err = open(user, missing)
			require.ErrorIs(t, err, patients.ErrNotFound)
			own := in
			own.Patient = h.registered(t, user, ananya()).ID
			_, err = open(user, own)
			require.ErrorIs(t, err, patients.ErrAlreadyVisible)
			for allowed, want := range map[string]error{"off": auth.ErrForbidden, "staff": nil} {
				other := app.NewEmergencies(h.Service, store.NewEmergencies(db), h.accounts, h.accounts, h.accounts,
					patients.Config{EmergencyAccess: allowed})
				staff := newUser(t, db)
				staff.Role = auth.Staff
				_, err := other.Open(ctx, staff, in, netip.Addr{})
				require.ErrorIs(t, err, want)
			}
		})
		t.Run("show one patient by id, in no list", func(t *testing.T) {
			opened, err := open(user, in)
			require.NoError(t, err)
			require.Equal(t, "N", opened.UserName)
			require.Equal(t, audit.EmergencyOpened, last().Action)
			require.Equal(t, opened.Access(), last().Reason)
			require.Equal(t, patient.ID.UUID, last().PatientID)
			acting := asSelf(user)
			require.Equal(t, opened.Access(), h.found(t, acting, patient).Reason)
			require.Len(t, h.browsed(t, acting), 1, "the user's own patient")
			_, err = h.Amend(ctx, acting, patient.ID, revision.Match{}, domain.Changes{Notes: new("N")})
			require.ErrorIs(t, err, patients.ErrReadOnly)
			_, err = open(acting, in)
			require.ErrorIs(t, err, patients.ErrAlreadyVisible)
			h.clock.Advance(30*time.Minute - time.Microsecond)
			h.found(t, acting, patient)
			h.clock.Advance(time.Microsecond)
			_, err = h.Find(ctx, acting, patient.ID)
			require.ErrorIs(t, err, patients.ErrNotFound)
		})
		t.Run("are limited, end, and are reviewed", func(t *testing.T) {
			rescuer := newUser(t, db)
			rescuer.Role = doctors.Role
			var opened []app.Opened
			for range domain.MaxOpenEmergencies {
				one := in
				one.Patient = h.registered(t, owner, born()).ID
				e, err := open(rescuer, one)
				require.NoError(t, err)
				opened = append(opened, e)
			}
			_, err := open(rescuer, in)
			require.ErrorIs(t, err, patients.ErrTooManyEmergencies)
			require.ErrorIs(t, h.emergencies.End(ctx, owner, opened[0].ID), patients.ErrNoEmergency)
			require.NoError(t, h.emergencies.End(ctx, rescuer, opened[0].ID))
			require.Equal(t, audit.EmergencyEnded, last().Action)
			_, err = open(rescuer, in)
			require.NoError(t, err)
			reviewed, err := h.emergencies.Review(ctx, officer, opened[0].ID, domain.Review{Verdict: "justified"})
			require.NoError(t, err)
			require.Equal(t, officer.UserID, reviewed.ReviewedBy)
			require.Equal(t, audit.EmergencyReviewed, last().Action)
			queue := domain.EmergencyFilter{Reviewed: new(false)}
			order := databasetest.NewestFirst("opened_at")
			page, err := h.emergencies.Browse(ctx, officer, queue, order)
			require.NoError(t, err)
			require.NotContains(t, ids(page.Items), reviewed.ID)
			page, err = h.emergencies.Browse(ctx, rescuer, domain.EmergencyFilter{}, order)
			require.NoError(t, err)
			require.Len(t, page.Items, domain.MaxOpenEmergencies+1)
			page, err = h.emergencies.BrowseOf(ctx, owner, opened[0].PatientID, order)
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
		})
		t.Run("outlive the patient", func(t *testing.T) {
			removed := h.registered(t, owner, born())
			gone := in
			gone.Patient = removed.ID
			opened, err := open(newDoctor(t, db), gone)
			require.NoError(t, err)
			require.NoError(t, h.Remove(ctx, owner, removed.ID, revision.Match{}))
			_, err = h.emergencies.Review(ctx, officer, opened.ID, domain.Review{Verdict: "unclear", Note: "N"})
			require.NoError(t, err)
		})
	})
}

// newDoctor returns a user with the role of doctors.
func newDoctor(t *testing.T, db *database.DB) auth.Principal {
	user := newUser(t, db)
	user.Role = doctors.Role
	return user
}

func ids(all []app.Opened) []domain.EmergencyID {
	found := make([]domain.EmergencyID, len(all))
	for i, e := range all {
		found[i] = e.ID
	}
	return found
}

func TestAccess(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, practice, ctx := newAccessEnv(db, ""), uuid.New(), t.Context()
		owner := h.member(newUser(t, db), practice, auth.Write)
		reader := h.member(newUser(t, db), practice, auth.Read)
		officer := auth.Principal{UserID: uuid.New(), Role: patients.PrivacyRole}
		patient, err := h.RegisterFor(ctx, owner, born(), &practice)
		require.NoError(t, err)
		all, err := h.access.List(ctx, owner, patient.ID, nil)
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, owner.UserID, all[0].User)
		require.Equal(t, patients.Keep, all[0].Sees)
		require.Equal(t, reader.UserID, all[1].User)
		require.Equal(t, patients.Read, all[1].Sees)
		_, err = h.access.List(ctx, reader, patient.ID, nil)
		require.ErrorIs(t, err, patients.ErrPatientOnly)
		_, err = h.access.List(ctx, newUser(t, db), patient.ID, nil)
		require.ErrorIs(t, err, patients.ErrNotFound)
		_, err = h.restrictions.Add(ctx, owner, patient.ID, nil, &reader.UserID)
		require.NoError(t, err)
		stranger := uuid.New()
		for user, bars := range map[uuid.UUID]int{reader.UserID: 1, stranger: 0} {
			one, err := h.access.List(ctx, owner, patient.ID, &user)
			require.NoError(t, err)
			require.Len(t, one, 1)
			require.Empty(t, one[0].Sees)
			require.Len(t, one[0].BarredBy, bars)
			explained, err := h.access.Explain(ctx, officer, patient.ID, user)
			require.NoError(t, err)
			require.Equal(t, "N", explained.Name)
			if user == stranger {
				explained.Name = "" // is not disclosed to the keeper
			}
			require.Equal(t, one[0], explained)
		}
		missing, err := h.access.Explain(ctx, officer, recordid.New[patients.ID](), stranger)
		require.NoError(t, err)
		foreign, err := h.access.Explain(ctx, officer, patient.ID, stranger)
		require.NoError(t, err)
		require.Equal(t, missing, foreign, "a missing patient is explained as one whom the user does not see")
	})
}

func TestAccessReturnsEveryErrorAndLeavesNoEffect(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newAccessEnv(db, "doctors")
		owner, user, officer, ctx := newUser(t, db), newDoctor(t, db), newUser(t, db), t.Context()
		officer.Role = patients.PrivacyRole
		var patient domain.Patient
		var opened app.Opened
		var hidden uuid.UUID
		order := databasetest.NewestFirst("opened_at")
		in := domain.EmergencyInput{Reason: "other", Explanation: "An emergency.", Minutes: 30, Password: "secret"}
		for name, run := range map[string]func(ctx context.Context) error{
			"hide": func(ctx context.Context) error {
				_, err := h.restrictions.Add(ctx, owner, patient.ID, nil, new(uuid.New()))
				return err
			},
			"list restrictions": func(ctx context.Context) error {
				_, err := h.restrictions.Browse(ctx, owner, patient.ID)
				return err
			},
			"read a restriction": func(ctx context.Context) error {
				_, err := h.restrictions.Find(ctx, owner, patient.ID, hidden)
				return err
			},
			"end a restriction": func(ctx context.Context) error {
				return h.restrictions.Remove(ctx, owner, patient.ID, hidden)
			},
			"open": func(ctx context.Context) error {
				_, err := h.emergencies.Open(ctx, asDoctor(owner), in, netip.Addr{})
				return err
			},
			"read an emergency access": func(ctx context.Context) error {
				_, err := h.emergencies.FindOne(ctx, user, opened.ID)
				return err
			},
			"end an emergency access": func(ctx context.Context) error {
				return h.emergencies.End(ctx, user, opened.ID)
			},
			"review": func(ctx context.Context) error {
				_, err := h.emergencies.Review(ctx, officer, opened.ID, domain.Review{Verdict: "justified"})
				return err
			},
			"list emergency accesses": func(ctx context.Context) error {
				_, err := h.emergencies.Browse(ctx, officer, domain.EmergencyFilter{}, order)
				return err
			},
			"list those of a patient": func(ctx context.Context) error {
				_, err := h.emergencies.BrowseOf(ctx, owner, patient.ID, order)
				return err
			},
			"list who sees a patient": func(ctx context.Context) error {
				_, err := h.access.List(ctx, owner, patient.ID, nil)
				return err
			},
			"explain": func(ctx context.Context) error {
				_, err := h.access.Explain(ctx, officer, patient.ID, user.UserID)
				return err
			},
		} {
			t.Run(name, func(t *testing.T) {
				patient = h.registered(t, owner, born())
				restriction, err := h.restrictions.Add(ctx, owner, patient.ID, nil, new(uuid.New()))
				require.NoError(t, err)
				hidden = restriction.PartyID
				rescued := in
				rescued.Patient = h.registered(t, owner, born()).ID
				opened, err = h.emergencies.Open(ctx, user, rescued, netip.Addr{})
				require.NoError(t, err)
				defer func() { require.NoError(t, h.emergencies.End(ctx, user, opened.ID)) }()
				in.Patient = h.registered(t, officer, born()).ID
				require.NoError(t, databasetest.RunWithFaults(t, db, run))
			})
		}
	})
}

// asDoctor returns the user with the role of doctors.
func asDoctor(user auth.Principal) auth.Principal {
	user.Role = doctors.Role
	return user
}
