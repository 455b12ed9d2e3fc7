package app

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/onetime"
	"healthcare/platform/tx"
)

// DeputyCodes are the one-time codes of invitations to stand in for a colleague.
type DeputyCodes struct{ onetime.Codes }

// Deputies has the use cases of users who stand in for each other. A change locks the accounts, in the order of their
// ids.
type Deputies struct {
	acting      ports.Acting
	invitations ports.ActingInvitations
	users       ports.Users
	codes       DeputyCodes
	trail       audit.Recorder
	tx          tx.Runner
	clock       clock.Clock
}

// NewDeputies wires the use cases.
func NewDeputies(
	acting ports.Acting, invitations ports.ActingInvitations, users ports.Users, codes DeputyCodes,
	trail audit.Recorder, runner tx.Runner, clk clock.Clock,
) *Deputies {
	return &Deputies{acting, invitations, users, codes, trail, runner, clk}
}

// Deputyships are the deputies of a user, and the colleagues for whom the user stands in.
type Deputyships struct {
	Deputies    []domain.Colleague
	Colleagues  []domain.Colleague
	Invitations []domain.ActingInvitation // open
}

// List returns the deputyships of the user. Errors: none.
func (d *Deputies) List(ctx context.Context, who auth.Principal) (all Deputyships, err error) {
	now := d.clock.Now()
	if all.Deputies, err = d.acting.Deputies(ctx, userOf(who), now); err != nil {
		return all, err
	}
	if all.Colleagues, err = d.acting.Colleagues(ctx, userOf(who), now); err != nil {
		return all, err
	}
	all.Invitations, err = d.invitations.Open(ctx, who.UserID, now)
	return all, err
}

// Invite lets the user who gets the code stand in for who. Errors: errs.Invalid, identity.ErrTooManyDeputies,
// auth.ErrInvalidToken.
func (d *Deputies) Invite(ctx context.Context, who auth.Principal, in domain.DeputyInput) (Invited, error) {
	code, now := onetime.New(), d.clock.Now()
	invitation, err := domain.InviteDeputy(userOf(who), in, d.codes.MAC(code), now, now.Add(onetime.Lifetime))
	if err != nil {
		return Invited{}, err
	}
	err = d.tx.Do(ctx, func(ctx context.Context) error {
		if _, err := d.users.Change(ctx, userOf(who), checkMayJoin); err != nil { // locks the account
			return err
		}
		if err := d.invitations.RemoveExpired(ctx, who.UserID, d.clock.Steady()); err != nil {
			return err
		}
		open, err := d.invitations.Open(ctx, who.UserID, now)
		if err != nil {
			return err
		}
		deputies, err := d.acting.Deputies(ctx, userOf(who), now)
		if err == nil && len(open)+len(deputies) >= identity.MaxDeputies {
			err = identity.ErrTooManyDeputies
		}
		if err != nil {
			return err
		}
		if err := d.invitations.Add(ctx, invitation); err != nil {
			return err
		}
		return d.trail.Record(ctx, who, about(audit.Invited, userResource, who.UserID, http.StatusCreated))
	})
	return Invited{invitation, code}, asInvalidToken(err)
}

// Claim lets the user stand in for the colleague who invited with the code, and returns the colleague. The code becomes
// invalid. An earlier deputyship for the colleague is replaced. Failed claims are recorded, because they may be
// guesses. Errors: errs.Invalid, identity.ErrNoInvitation for every code that is not valid, also if the account of the
// colleague is disabled or can no longer have patients; identity.ErrOwnInvitation, identity.ErrTooManyCapacities,
// identity.ErrRoleConflict, auth.ErrInvalidToken.
func (d *Deputies) Claim(ctx context.Context, who auth.Principal, code string) (of domain.Colleague, err error) {
	if err := domain.CheckCode(code); err != nil {
		return of, err
	}
	err = d.tx.Do(ctx, func(ctx context.Context) error {
		of, err = d.claim(ctx, who, code)
		return asInvalidToken(err)
	})
	refusal := audit.NewRefusal(userResource, uuid.Nil, http.StatusNotFound)
	return of, audit.RecordMissing(ctx, d.trail, who, refusal, err, identity.ErrNoInvitation)
}

func (d *Deputies) claim(ctx context.Context, who auth.Principal, typed string) (domain.Colleague, error) {
	none := domain.Colleague{}
	code, ok := onetime.Parse(typed)
	if !ok {
		return none, identity.ErrNoInvitation
	}
	invitation, err := d.invitations.FindByMAC(ctx, d.codes.MACs(code))
	if err != nil {
		return none, err
	}
	now := d.clock.Now()
	if !invitation.Open(now) {
		return none, identity.ErrNoInvitation
	}
	if invitation.InvitedBy == userOf(who) {
		return none, identity.ErrOwnInvitation
	}
	colleague, err := d.lockBoth(ctx, userOf(who), invitation.InvitedBy)
	if err != nil {
		return none, err
	}
	// The removal of the invitation fails for the second of two claims.
	if err := d.invitations.Remove(ctx, invitation.Capacity.ID, invitation.ID); err != nil {
		return none, err
	}
	party := invitation.Party(now)
	if err := d.acting.Add(ctx, userOf(who), party); err != nil {
		return none, err
	}
	entry := linked(userResource, party.ID, userOf(who), party.Level)
	return domain.Colleague{
		User: colleague.ID, Name: colleague.Name, Level: party.Level, Since: now, Until: party.Until,
	}, d.trail.Record(ctx, who, entry)
}

// lockBoth locks the accounts of a deputy and a colleague, and returns the colleague. Errors: ports.ErrNotFound for a
// deputy who was removed, identity.ErrRoleConflict; identity.ErrNoInvitation for a colleague who was removed or cannot
// have patients.
func (d *Deputies) lockBoth(ctx context.Context, deputy, of identity.UserID) (colleague domain.User, err error) {
	ids := []identity.UserID{deputy, of}
	slices.SortFunc(ids, func(a, b identity.UserID) int { return bytes.Compare(a.UUID[:], b.UUID[:]) })
	for _, id := range ids {
		if id == deputy {
			_, err = d.users.Change(ctx, id, checkMayJoin)
		} else {
			colleague, err = d.users.Change(ctx, id, checkKeepsPatients)
			if errors.Is(err, ports.ErrNotFound) || errors.Is(err, identity.ErrCannotKeepPatients) {
				err = identity.ErrNoInvitation
			}
		}
		if err != nil {
			return colleague, err
		}
	}
	return colleague, nil
}

// End withdraws the user's invitation with the id, or ends what the user with the id and who do for each other as
// deputies. Errors: identity.ErrDeputyNotFound.
func (d *Deputies) End(ctx context.Context, who auth.Principal, id uuid.UUID) error {
	return d.tx.Do(ctx, func(ctx context.Context) error {
		err := d.invitations.Remove(ctx, who.UserID, domain.ActingInvitationID{UUID: id})
		if err == nil {
			return d.trail.Record(ctx, who, about(audit.Withdrawn, userResource, who.UserID, http.StatusNoContent))
		}
		if !errors.Is(err, identity.ErrNoInvitation) {
			return err
		}
		ended, err := d.acting.RemoveDeputies(ctx, userOf(who), identity.UserID{UUID: id}, d.clock.Now())
		if err != nil {
			return err
		}
		if len(ended) == 0 {
			return identity.ErrDeputyNotFound
		}
		return d.trail.Record(ctx, who, unlinked(ended...)...)
	})
}
