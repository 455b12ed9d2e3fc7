package app_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

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
	"healthcare/platform/events"
	"healthcare/platform/keyring"
	"healthcare/platform/onetime"
)

// invitationEnv is Invitations with the real store, and what they recorded and published.
type invitationEnv struct {
	env
	*app.Invitations
	trail    *audittest.Recorder
	claimed  *[]patients.Claimed
	disabled parties
}

func newInvitationEnv(t *testing.T, db *database.DB) invitationEnv {
	t.Helper()
	var mu sync.Mutex
	claimed := new([]patients.Claimed)
	service, trail := newService(db, 0, events.On("identity",
		func(ctx context.Context, e patients.Claimed) error {
			mu.Lock()
			defer mu.Unlock()
			*claimed = append(*claimed, e)
			return databasetest.InjectFault(ctx, "subscriber")
		}))
	keys, err := keyring.New([]byte("a secret of 32 bytes, or of more"))
	require.NoError(t, err)
	disabled := parties{}
	invitations := app.NewInvitations(
		service.Service, store.NewInvitations(db), store.NewRestrictions(db), disabled,
		onetime.For(keys, "patient invitation"))
	return invitationEnv{service, invitations, trail, claimed, disabled}
}

// parties is an identity.Parties of users who act for nobody. It has those whose accounts are disabled.
type parties map[uuid.UUID]bool

func (parties) ActingFor(context.Context, []uuid.UUID, time.Time) ([]identity.Acting, error) {
	return nil, nil
}

func (parties) Capacities(context.Context, identity.UserID, time.Time) ([]auth.Capacity, error) {
	return nil, nil
}

func (p parties) Accounts(
	_ context.Context, users []identity.UserID,
) (map[identity.UserID]identity.AccountView, error) {
	all := map[identity.UserID]identity.AccountView{}
	for _, user := range users {
		all[user] = identity.AccountView{Name: "N", Role: auth.Staff, Active: !p[user.UUID]}
	}
	return all, nil
}

const birthDate = "1995-04-18"

func born() domain.Input { return domain.Input{Name: "Ananya", Gender: "Female", BirthDate: birthDate} }

// invited invites a delegate.
func (h invitationEnv) invited(t *testing.T, keeper auth.Principal, patient patients.ID) app.Invited {
	t.Helper()
	return h.invitedAs(t, keeper, patient, domain.Delegate)
}

func (h invitationEnv) invitedAs(
	t *testing.T, keeper auth.Principal, patient patients.ID, as domain.Basis,
) app.Invited {
	t.Helper()
	invited, err := h.Invite(t.Context(), keeper, patient, domain.InvitationInput{As: string(as)})
	require.NoError(t, err)
	return invited
}

// proof returns the input of a claim.
func proof(invited app.Invited, birthDate string) domain.ClaimInput {
	return domain.ClaimInput{Code: invited.Code.Reveal(), BirthDate: &birthDate}
}

// asSelf returns the user as identity authenticates them after a claim.
func asSelf(user auth.Principal) auth.Principal {
	user.For = []auth.Capacity{{ID: user.UserID, Kind: auth.AsSelf}}
	return user
}

func TestClaim(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newInvitationEnv(t, db)
		keeper, person := newUser(t, db), newUser(t, db)
		patient := h.registered(t, keeper, born()).ID
		refused := func(t *testing.T, who auth.Principal, in domain.ClaimInput) {
			t.Helper()
			_, err := h.Claim(t.Context(), who, in)
			require.ErrorIs(t, err, patients.ErrNoInvitation)
		}
		last := func() audit.Entry { return h.trail.Recorded()[len(h.trail.Recorded())-1].Entry }

		t.Run("grants the patient, publishes and records it", func(t *testing.T) {
			invited := h.invitedAs(t, keeper, patient, domain.Self)
			second := h.invitedAs(t, keeper, patient, domain.Self)
			require.Equal(t, audit.Invited, last().Action)
			grant, err := h.Claim(t.Context(), person, proof(invited, birthDate))
			require.NoError(t, err)
			require.Equal(t, domain.Grant{PatientID: patient, GranteeID: person.UserID, Basis: domain.Self,
				SourceID: invited.ID.UUID, Level: patients.Read, GrantedBy: keeper.UserID, GrantedAt: now}, grant)
			event := (*h.claimed)[len(*h.claimed)-1]
			keepsNone, err := event.KeepsNone(t.Context())
			require.NoError(t, err)
			require.True(t, keepsNone)
			event.KeepsNone = nil
			require.Equal(t, patients.Claimed{
				ID: patient, User: person.UserID, By: person, Represents: true, Basis: "self",
			}, event)
			require.Equal(t, audit.Entry{
				Action: audit.Granted, Resource: audit.Patient, ResourceID: patient.UUID, PatientID: patient.UUID,
				Outcome: audit.Success, Status: 201, Fields: []string{"read"},
				Reason: auth.Reason{Basis: "self", Grant: invited.ID.UUID, For: person.UserID},
			}, last())
			require.Len(t, h.browsed(t, asSelf(person)), 1)
			refused(t, person, proof(invited, birthDate))
			require.Equal(t, audit.NewRefusal(audit.Patient, uuid.Nil, 404), last())
			_, err = h.Claim(t.Context(), newUser(t, db), proof(second, birthDate))
			require.ErrorIs(t, err, patients.ErrAlreadyClaimed)
			_, err = h.Invite(t.Context(), keeper, patient, domain.InvitationInput{As: "self"})
			require.ErrorIs(t, err, patients.ErrAlreadyClaimed)
			require.NoError(t, h.Withdraw(t.Context(), keeper, patient, second.ID))
			page, err := h.Invitations.Browse(t.Context(), keeper, patient, wholeList)
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			require.Equal(t, person.UserID, page.Items[0].AcceptedBy)
			require.Equal(t, domain.InvitationAccepted, page.Items[0].State)
			require.NoError(t, h.End(t.Context(), asSelf(person), patient, invited.ID.UUID))
			require.Equal(t, audit.Withdrawn, last().Action)
			require.Equal(t, invited.ID.UUID, last().Reason.Grant)
			require.Empty(t, h.browsed(t, asSelf(person)))
		})
		t.Run("ends restrictions of those who represent the patient, and of no colleague", func(t *testing.T) {
			hidden, record := store.NewRestrictions(db), uuid.New()
			for _, as := range []string{"delegate", "colleague"} {
				person := newUser(t, db)
				person.Role, person.For = auth.Staff, []auth.Capacity{{ID: record, Kind: auth.AsDoctor}}
				for _, party := range []uuid.UUID{person.UserID, record} {
					require.NoError(t, hidden.Add(t.Context(), domain.Restriction{
						PatientID: patient, PartyID: party, Kind: domain.ForUser, SaidBy: keeper.UserID, CreatedAt: now,
					}))
				}
				invited, err := h.Invite(t.Context(), keeper, patient, domain.InvitationInput{As: as})
				require.NoError(t, err)
				_, err = h.Claim(t.Context(), person, proof(invited, birthDate))
				require.NoError(t, err)
				_, err = h.env.Find(t.Context(), asSelf(person), patient)
				require.Equal(t, as == "delegate", err == nil)
				left, err := hidden.OfPatient(t.Context(), patient)
				require.NoError(t, err)
				require.Len(t, left, map[string]int{"delegate": 0, "colleague": 2}[as])
			}
			require.NoError(t, hidden.RemoveOfParty(t.Context(), record))
		})
		t.Run("refuses codes of a disabled account", func(t *testing.T) {
			former := newUser(t, db)
			practice := uuid.New()
			former.For = []auth.Capacity{{ID: practice, Kind: auth.AsPractice, Level: auth.Keep}}
			registered, err := h.env.RegisterFor(t.Context(), former, born(), &practice)
			require.NoError(t, err)
			kept := registered.ID
			invited := h.invited(t, former, kept)
			h.disabled[former.UserID] = true
			refused(t, person, proof(invited, birthDate))
			state := func() domain.InvitationState {
				manager := newUser(t, db)
				manager.For = former.For
				page, err := h.Invitations.Browse(t.Context(), manager, kept, wholeList)
				require.NoError(t, err)
				require.Len(t, page.Items, 1)
				return page.Items[0].State
			}
			require.Equal(t, domain.InvitationExpired, state())
			delete(h.disabled, former.UserID)
			require.Equal(t, domain.InvitationOpen, state())
			_, err = h.Claim(t.Context(), newUser(t, db), proof(invited, birthDate))
			require.NoError(t, err)
		})
		t.Run("reports that a user keeps patients", func(t *testing.T) {
			other := newUser(t, db)
			h.registered(t, other, ananya())
			_, err := h.Claim(t.Context(), other, proof(h.invited(t, keeper, patient), birthDate))
			require.NoError(t, err)
			keepsNone, err := (*h.claimed)[len(*h.claimed)-1].KeepsNone(t.Context())
			require.NoError(t, err)
			require.False(t, keepsNone)
		})
		t.Run("refuses the right birth date after three wrong ones", func(t *testing.T) {
			invited := h.invited(t, keeper, patient)
			for range 2 {
				refused(t, person, proof(invited, "1995-04-19"))
				require.Equal(t, audit.NewRefusal(audit.Patient, patient.UUID, 404), last())
			}
			_, err := h.Claim(t.Context(), keeper, proof(invited, "1995-04-19"))
			require.ErrorIs(t, err, patients.ErrAlreadyKept, "is no failure")
			refused(t, newUser(t, db), proof(invited, "1995-04-20"))
			refused(t, person, proof(invited, birthDate))
		})
		t.Run("needs no birth date where only the age is known", func(t *testing.T) {
			aged := h.registered(t, keeper, domain.Input{Name: "A", Gender: "Other", Age: new(40)}).ID
			_, err := h.Claim(t.Context(), person, proof(h.invited(t, keeper, aged), "1900-01-01"))
			require.NoError(t, err)
		})
		t.Run("refuses codes that have expired or were withdrawn, and those of a former keeper", func(t *testing.T) {
			withdrawn := h.invited(t, keeper, patient)
			require.NoError(t, h.Withdraw(t.Context(), keeper, patient, withdrawn.ID))
			require.ErrorIs(t, h.Withdraw(t.Context(), keeper, patient, withdrawn.ID), patients.ErrNoInvitation)
			refused(t, person, proof(withdrawn, birthDate))
			expired := h.invited(t, keeper, patient)
			h.clock.Advance(72 * time.Hour)
			refused(t, person, proof(expired, birthDate))
			h.clock.Advance(-72 * time.Hour)
			moved := h.registered(t, keeper, born()).ID
			former := h.invited(t, keeper, moved)
			require.NoError(t, db.Write(t.Context()).Exec(`UPDATE patients SET owner_id = ? WHERE id = ?`,
				newUser(t, db).UserID, moved).Error)
			refused(t, person, proof(former, birthDate))
		})
		t.Run("has at most ten open invitations", func(t *testing.T) {
			other := h.registered(t, keeper, born()).ID
			for range 10 {
				h.invited(t, keeper, other)
			}
			_, err := h.Invite(t.Context(), keeper, other, domain.InvitationInput{As: "self"})
			require.ErrorIs(t, err, patients.ErrTooManyInvitations)
			h.clock.Advance(72 * time.Hour)
			h.invited(t, keeper, other)
			h.clock.Advance(-72 * time.Hour)
		})
		t.Run("is for the keeper to offer", func(t *testing.T) {
			invited := h.invited(t, keeper, patient)
			_, err := h.Claim(t.Context(), person, proof(invited, birthDate))
			require.NoError(t, err)
			for who, want := range map[*auth.Principal]error{
				new(asSelf(person)): patients.ErrKeeperOnly, new(newUser(t, db)): patients.ErrNotFound,
			} {
				_, err := h.Invite(t.Context(), *who, patient, domain.InvitationInput{As: "self"})
				require.ErrorIs(t, err, want)
				require.ErrorIs(t, h.Withdraw(t.Context(), *who, patient, invited.ID), want)
			}
			other := newUser(t, db)
			_, err = h.Claim(t.Context(), other, proof(h.invited(t, keeper, patient), birthDate))
			require.NoError(t, err)
			require.ErrorIs(t, h.End(t.Context(), asSelf(other), patient, invited.ID.UUID), patients.ErrKeeperOnly)
			require.ErrorIs(t, h.End(t.Context(), newUser(t, db), patient, invited.ID.UUID), patients.ErrNotFound)
			require.NoError(t, h.End(t.Context(), keeper, patient, invited.ID.UUID))
			require.ErrorIs(t, h.End(t.Context(), keeper, patient, invited.ID.UUID), patients.ErrNoGrant)
		})
		t.Run("does not end the grant of an assignment", func(t *testing.T) {
			source := uuid.New()
			require.NoError(t, store.NewGrants(db).Put(t.Context(), domain.Grant{PatientID: patient, SourceID: source,
				GranteeID: uuid.New(), Basis: domain.Care, Level: patients.Read, GrantedAt: now}))
			require.ErrorIs(t, h.End(t.Context(), keeper, patient, source), patients.ErrCareEnds)
		})
	})
}

// TestClaimTwiceAtOnce claims each code by two users at the same time.
func TestClaimTwiceAtOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newInvitationEnv(t, db)
		keeper := newUser(t, db)
		patient := h.registered(t, keeper, born()).ID
		users := []auth.Principal{newUser(t, db), newUser(t, db)}
		rounds := 200
		if db.Engine() == database.SQLite {
			rounds = 20
		}
		atOnce := func(in domain.ClaimInput, times int) (granted, refused int) {
			errs := make([]error, times)
			var group sync.WaitGroup
			for i := range errs {
				group.Go(func() { _, errs[i] = h.Claim(t.Context(), users[i%2], in) })
			}
			group.Wait()
			for _, err := range errs {
				if err == nil {
					granted++
				} else {
					require.ErrorIs(t, err, patients.ErrNoInvitation)
					refused++
				}
			}
			return granted, refused
		}
		for range rounds {
			invited := h.invited(t, keeper, patient)
			granted, refused := atOnce(proof(invited, birthDate), 2)
			require.Equal(t, 1, granted)
			require.Equal(t, 1, refused)
			require.NoError(t, h.End(t.Context(), keeper, patient, invited.ID.UUID))
			require.ErrorIs(t, h.End(t.Context(), keeper, patient, invited.ID.UUID), patients.ErrNoGrant)
		}
		t.Run("compares three birth dates with an invitation", func(t *testing.T) {
			for range rounds / 10 {
				invited, before := h.invited(t, keeper, patient), len(h.trail.Recorded())
				atOnce(proof(invited, "1995-04-19"), 8)
				compared := 0
				for _, r := range h.trail.Recorded()[before:] {
					if r.Entry.PatientID == patient.UUID {
						compared++
					}
				}
				require.Equal(t, 3, compared)
				granted, _ := atOnce(proof(invited, birthDate), 1)
				require.Zero(t, granted)
				require.NoError(t, h.Withdraw(t.Context(), keeper, patient, invited.ID))
			}
		})
	})
}

func TestInvitationsReturnEveryErrorAndLeaveNoEffect(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newInvitationEnv(t, db)
		keeper, person, stranger := newUser(t, db), newUser(t, db), newUser(t, db)
		var patient patients.ID
		var open app.Invited
		var grant domain.Grant
		for _, c := range []struct {
			name    string
			run     func(ctx context.Context) error
			want    error
			ignored []string
		}{
			{"invite", func(ctx context.Context) error {
				_, err := h.Invite(ctx, keeper, patient, domain.InvitationInput{As: "self"})
				return err
			}, nil, nil},
			{"list", func(ctx context.Context) error {
				_, err := h.Invitations.Browse(ctx, keeper, patient, wholeList)
				return err
			}, nil, nil},
			{"list those of another user's patient", func(ctx context.Context) error {
				_, err := h.Invitations.Browse(ctx, asSelf(person), patient, wholeList)
				return err
			}, patients.ErrKeeperOnly, nil},
			{"invite to another user's patient", func(ctx context.Context) error {
				_, err := h.Invite(ctx, asSelf(stranger), patient, domain.InvitationInput{As: "self"})
				return err
			}, patients.ErrNotFound, nil},
			{"withdraw", func(ctx context.Context) error {
				return h.Withdraw(ctx, keeper, patient, open.ID)
			}, nil, nil},
			{"claim", func(ctx context.Context) error {
				_, err := h.Claim(ctx, stranger, proof(open, birthDate))
				return err
			}, nil, nil},
			{"claim with a wrong birth date, which is counted also if it cannot be recorded",
				func(ctx context.Context) error {
					_, err := h.Claim(ctx, stranger, proof(open, "1995-04-19"))
					return err
				}, patients.ErrNoInvitation, []string{"patient_invitations"}},
			{"claim with an unknown code", func(ctx context.Context) error {
				unknown := domain.ClaimInput{Code: onetime.New().Reveal(), BirthDate: new(birthDate)}
				_, err := h.Claim(ctx, stranger, unknown)
				return err
			}, patients.ErrNoInvitation, nil},
			{"claim without a code", func(ctx context.Context) error {
				_, err := h.Claim(ctx, stranger, domain.ClaimInput{Code: "x", BirthDate: new(birthDate)})
				return err
			}, patients.ErrNoInvitation, nil},
			{"end", func(ctx context.Context) error {
				return h.End(ctx, asSelf(person), patient, grant.SourceID)
			}, nil, nil},
			{"end another user's grant", func(ctx context.Context) error {
				return h.End(ctx, asSelf(stranger), patient, grant.SourceID)
			}, patients.ErrNotFound, nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				patient = h.registered(t, keeper, born()).ID
				open = h.invited(t, keeper, patient)
				var err error
				grant, err = h.Claim(t.Context(), person, proof(h.invited(t, keeper, patient), birthDate))
				require.NoError(t, err)
				require.ErrorIs(t, databasetest.RunWithFaults(t, db, c.run, c.ignored...), c.want)
			})
		}
	})
}
