package app

import (
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
	"healthcare/platform/errs"
	"healthcare/platform/onetime"
	"healthcare/platform/paging"
	"healthcare/platform/tx"
)

// PracticeCodes are the one-time codes of invitations to practices.
type PracticeCodes struct{ onetime.Codes }

// Practices has the use cases of practices, their members and their invitations. A change locks the accounts of users
// first, and then the practice.
type Practices struct {
	practices   ports.Practices
	acting      ports.Acting
	invitations ports.ActingInvitations
	users       ports.Users
	codes       PracticeCodes
	trail       audit.Recorder
	tx          tx.Runner
	clock       clock.Clock
}

// NewPractices wires the use cases.
func NewPractices(
	practices ports.Practices, acting ports.Acting, invitations ports.ActingInvitations, users ports.Users,
	codes PracticeCodes, trail audit.Recorder, runner tx.Runner, clk clock.Clock,
) *Practices {
	return &Practices{practices, acting, invitations, users, codes, trail, runner, clk}
}

// Practice is a practice, and the level of the user who sees it; empty for an administrator who is no member.
type Practice struct {
	domain.Practice
	Level auth.Level
}

// Invited is a new invitation with its code, which is shown once.
type Invited struct {
	domain.ActingInvitation
	Code onetime.Code
}

// levelIn returns the level of the user in a practice, empty for a user who is no member.
func levelIn(who auth.Principal, id identity.PracticeID) auth.Level {
	for _, c := range who.For {
		if c.Kind == auth.AsPractice && c.ID == id.UUID {
			return c.Level
		}
	}
	return ""
}

// checkSees returns an error unless the user is a member or an administrator. Errors: identity.ErrPracticeNotFound.
func checkSees(who auth.Principal, id identity.PracticeID) error {
	if who.Role != auth.Admin && levelIn(who, id) == "" {
		return identity.ErrPracticeNotFound
	}
	return nil
}

// checkMayJoin returns an error if the role of the user does not allow to act for a practice or a colleague. Errors:
// identity.ErrRoleConflict.
func checkMayJoin(user *domain.User) error {
	if !slices.Contains(keepers, auth.Role(user.Role)) {
		return identity.ErrRoleConflict
	}
	return nil
}

// Create adds a practice, which the user manages. Errors: errs.Invalid, identity.ErrTooManyCapacities,
// identity.ErrRoleConflict, auth.ErrInvalidToken.
func (p *Practices) Create(ctx context.Context, who auth.Principal, name string) (Practice, error) {
	now := p.clock.Now()
	practice, err := domain.NewPractice(name, now)
	if err != nil {
		return Practice{}, err
	}
	err = p.tx.Do(ctx, func(ctx context.Context) error {
		if _, err := p.users.Change(ctx, userOf(who), checkMayJoin); err != nil { // locks the account
			return err
		}
		if err := p.practices.Add(ctx, practice); err != nil {
			return err
		}
		manager := domain.Party{Capacity: memberOf(practice.ID, auth.Keep), Since: now}
		if err := p.acting.Add(ctx, userOf(who), manager); err != nil {
			return err
		}
		return p.trail.Record(ctx, who, about(audit.Create, practiceResource, practice.ID.UUID, http.StatusCreated))
	})
	return Practice{practice, auth.Keep}, asInvalidToken(err)
}

func memberOf(id identity.PracticeID, level auth.Level) auth.Capacity {
	return auth.Capacity{ID: id.UUID, Kind: auth.AsPractice, Level: level}
}

// Browse returns a page of the user's practices; administrators see all. Errors: none.
func (p *Practices) Browse(
	ctx context.Context, who auth.Principal, request paging.Request,
) (paging.Page[Practice], error) {
	var page paging.Page[domain.Practice]
	var err error
	if who.Role == auth.Admin {
		page, err = p.practices.ListAll(ctx, request)
	} else {
		var ids []identity.PracticeID
		for _, c := range who.For {
			if c.Kind == auth.AsPractice {
				ids = append(ids, identity.PracticeID{UUID: c.ID})
			}
		}
		page, err = p.practices.List(ctx, ids, request)
	}
	return paging.Map(page, func(one domain.Practice) Practice { return Practice{one, levelIn(who, one.ID)} }), err
}

// Find returns a practice. Errors: identity.ErrPracticeNotFound.
func (p *Practices) Find(ctx context.Context, who auth.Principal, id identity.PracticeID) (Practice, error) {
	if err := checkSees(who, id); err != nil {
		return Practice{}, err
	}
	practice, err := p.practices.Find(ctx, id)
	return Practice{practice, levelIn(who, id)}, err
}

// BrowseMembers returns a page of the members of a practice. Errors: identity.ErrPracticeNotFound.
func (p *Practices) BrowseMembers(
	ctx context.Context, who auth.Principal, id identity.PracticeID, request paging.Request,
) (paging.Page[domain.Member], error) {
	if _, err := p.Find(ctx, who, id); err != nil {
		return paging.Page[domain.Member]{}, err
	}
	return p.practices.ListMembers(ctx, id, request)
}

// manage runs change with the practice, which it locks, and its members, if the user is a manager. It records a refused
// member. Errors: identity.ErrPracticeNotFound for users who are no members, identity.ErrManagersOnly, those of change.
func (p *Practices) manage(
	ctx context.Context, who auth.Principal, id identity.PracticeID,
	change func(context.Context, domain.Practice, domain.Members) error,
) error {
	if err := checkSees(who, id); err != nil {
		return err
	}
	return p.recordForbidden(ctx, who, id, p.tx.Do(ctx, func(ctx context.Context) error {
		practice, members, err := p.lock(ctx, id)
		if err != nil {
			return err
		}
		if !members.Manages(userOf(who)) {
			return identity.ErrManagersOnly
		}
		return change(ctx, practice, members)
	}))
}

// lock locks a practice and returns it with its members. Errors: identity.ErrPracticeNotFound.
func (p *Practices) lock(
	ctx context.Context, id identity.PracticeID,
) (domain.Practice, domain.Members, error) {
	practice, err := p.practices.Lock(ctx, id)
	if err != nil {
		return practice, nil, err
	}
	members, err := p.practices.Members(ctx, id)
	return practice, members, err
}

// recordForbidden returns err, and records it if it denies the user a change of the practice.
func (p *Practices) recordForbidden(
	ctx context.Context, who auth.Principal, id identity.PracticeID, err error,
) error {
	if errs.KindOf(err) != errs.Forbidden {
		return err
	}
	refusal := audit.NewRefusal(practiceResource, id.UUID, http.StatusForbidden)
	if unrecorded := p.trail.Record(ctx, who, refusal); unrecorded != nil {
		return unrecorded
	}
	return err
}

// Rename changes the name of a practice, for managers. Errors: errs.Invalid, those of manage. A nil name stays.
func (p *Practices) Rename(
	ctx context.Context, who auth.Principal, id identity.PracticeID, name *string,
) (renamed Practice, err error) {
	err = p.manage(ctx, who, id, func(ctx context.Context, practice domain.Practice, _ domain.Members) error {
		entry := about(audit.Update, practiceResource, id.UUID, http.StatusOK)
		before := practice.Name
		if name != nil {
			if err := practice.Rename(*name); err != nil {
				return err
			}
		}
		if practice.Name != before {
			entry.Fields = []string{"name"}
			if err := p.practices.Rename(ctx, practice); err != nil {
				return err
			}
		}
		renamed = Practice{practice, auth.Keep}
		return p.trail.Record(ctx, who, entry)
	})
	return renamed, err
}

// Invite lets the user who gets the code become a member of a practice, for managers. Errors: errs.Invalid,
// identity.ErrTooManyInvitations, those of manage.
func (p *Practices) Invite(
	ctx context.Context, who auth.Principal, id identity.PracticeID, level string,
) (Invited, error) {
	code, now := onetime.New(), p.clock.Now()
	invitation, err := domain.InviteMember(id, level, p.codes.MAC(code), userOf(who), now, now.Add(onetime.Lifetime))
	if err != nil {
		return Invited{}, err
	}
	err = p.manage(ctx, who, id, func(ctx context.Context, _ domain.Practice, _ domain.Members) error {
		if err := p.invitations.RemoveExpired(ctx, id.UUID, p.clock.Steady()); err != nil {
			return err
		}
		open, err := p.invitations.Open(ctx, id.UUID, now)
		if err == nil && len(open) >= identity.MaxInvitations {
			err = identity.ErrTooManyInvitations
		}
		if err != nil {
			return err
		}
		if err := p.invitations.Add(ctx, invitation); err != nil {
			return err
		}
		return p.trail.Record(ctx, who, about(audit.Invited, practiceResource, id.UUID, http.StatusCreated))
	})
	return Invited{invitation, code}, err
}

// Withdraw makes an invitation to a practice invalid, for managers. Errors: identity.ErrNoInvitation, those of manage.
func (p *Practices) Withdraw(
	ctx context.Context, who auth.Principal, id identity.PracticeID, invitation domain.ActingInvitationID,
) error {
	return p.manage(ctx, who, id, func(ctx context.Context, _ domain.Practice, _ domain.Members) error {
		if err := p.invitations.Remove(ctx, id.UUID, invitation); err != nil {
			return err
		}
		return p.trail.Record(ctx, who, about(audit.Withdrawn, practiceResource, id.UUID, http.StatusNoContent))
	})
}

// Claim makes the user a member of the practice to which the code invites, and returns the practice. The code becomes
// invalid. Failed claims are recorded, because they may be guesses. Errors: errs.Invalid, identity.ErrNoInvitation for
// every code that is not valid, also if the user who invited no longer manages the practice; identity.ErrAlreadyMember,
// identity.ErrTooManyMembers, identity.ErrTooManyCapacities, identity.ErrRoleConflict, auth.ErrInvalidToken.
func (p *Practices) Claim(ctx context.Context, who auth.Principal, code string) (claimed Practice, err error) {
	if err := domain.CheckCode(code); err != nil {
		return Practice{}, err
	}
	err = p.tx.Do(ctx, func(ctx context.Context) error {
		claimed, err = p.claim(ctx, who, code)
		return asInvalidToken(err)
	})
	refusal := audit.NewRefusal(practiceResource, uuid.Nil, http.StatusNotFound)
	return claimed, audit.RecordMissing(ctx, p.trail, who, refusal, err, identity.ErrNoInvitation)
}

func (p *Practices) claim(ctx context.Context, who auth.Principal, typed string) (Practice, error) {
	code, ok := onetime.Parse(typed)
	if !ok {
		return Practice{}, identity.ErrNoInvitation
	}
	invitation, err := p.invitations.FindByMAC(ctx, p.codes.MACs(code))
	if err != nil {
		return Practice{}, err
	}
	now, user, id := p.clock.Now(), userOf(who), identity.PracticeID{UUID: invitation.Capacity.ID}
	if !invitation.Open(now) {
		return Practice{}, identity.ErrNoInvitation
	}
	if _, err := p.users.Change(ctx, user, checkMayJoin); err != nil { // locks the account
		return Practice{}, err
	}
	practice, members, err := p.lock(ctx, id)
	if err != nil {
		return Practice{}, err
	}
	// The removal of the invitation fails for the second of two claims.
	if err := p.invitations.Remove(ctx, id.UUID, invitation.ID); err != nil {
		return Practice{}, err
	}
	if !members.Manages(invitation.InvitedBy) {
		return Practice{}, identity.ErrNoInvitation
	}
	if err := members.CheckRoom(user); err != nil {
		return Practice{}, err
	}
	if err := p.acting.Add(ctx, user, invitation.Party(now)); err != nil {
		return Practice{}, err
	}
	level := invitation.Capacity.Level
	return Practice{practice, level}, p.trail.Record(ctx, who, linked(practiceResource, id.UUID, user, level))
}

// SetMember changes the level of a member, for managers and administrators. Administrators can add a user. Errors:
// errs.Invalid, identity.ErrPracticeNotFound, identity.ErrManagersOnly, identity.ErrMemberNotFound,
// identity.ErrLastManager; identity.ErrTooManyMembers, identity.ErrTooManyCapacities and identity.ErrRoleConflict for a
// user who is added.
func (p *Practices) SetMember(
	ctx context.Context, who auth.Principal, id identity.PracticeID, user identity.UserID, level string,
) (changed domain.Member, err error) {
	allowed, err := domain.ParseMemberLevel(level)
	if err != nil {
		return changed, err
	}
	if err := checkSees(who, id); err != nil {
		return changed, err
	}
	err = p.tx.Do(ctx, func(ctx context.Context) error {
		account, missing := p.users.Change(ctx, user, func(*domain.User) error { return nil }) // locks the account
		if missing != nil && !errors.Is(missing, ports.ErrNotFound) {
			return missing
		}
		_, members, err := p.lock(ctx, id)
		if err != nil {
			return err
		}
		if who.Role != auth.Admin && !members.Manages(userOf(who)) {
			return identity.ErrManagersOnly
		}
		if missing != nil {
			return identity.ErrMemberNotFound
		}
		changed, err = p.member(who, members, account, allowed)
		if err != nil {
			return err
		}
		party := domain.Party{Capacity: memberOf(id, allowed), Since: changed.Since}
		if err := p.acting.Add(ctx, user, party); err != nil {
			return err
		}
		entry := linked(practiceResource, id.UUID, user, allowed)
		entry.Status = http.StatusOK
		return p.trail.Record(ctx, who, entry)
	})
	return changed, p.recordForbidden(ctx, who, id, err)
}

// member returns the member that the user becomes. Errors: identity.ErrMemberNotFound unless who is an administrator,
// identity.ErrLastManager, identity.ErrTooManyMembers, identity.ErrRoleConflict.
func (p *Practices) member(
	who auth.Principal, members domain.Members, user domain.User, level auth.Level,
) (domain.Member, error) {
	former, found := members.Find(user.ID)
	changed := domain.Member{User: user.ID, Name: user.Name, Level: level, Since: former.Since, Active: user.Active}
	if found {
		if level == auth.Keep {
			return changed, nil
		}
		return changed, members.CheckWithout(user.ID)
	}
	if who.Role != auth.Admin {
		return changed, identity.ErrMemberNotFound
	}
	changed.Since = p.clock.Now()
	if err := members.CheckRoom(user.ID); err != nil {
		return changed, err
	}
	return changed, checkMayJoin(&user)
}

// RemoveMember ends what a user does for a practice, for the user, managers and administrators. Errors:
// identity.ErrPracticeNotFound, identity.ErrManagersOnly, identity.ErrMemberNotFound, identity.ErrLastManager.
func (p *Practices) RemoveMember(
	ctx context.Context, who auth.Principal, id identity.PracticeID, user identity.UserID,
) error {
	if err := checkSees(who, id); err != nil {
		return err
	}
	err := p.tx.Do(ctx, func(ctx context.Context) error {
		_, members, err := p.lock(ctx, id)
		if err != nil {
			return err
		}
		if who.Role != auth.Admin && userOf(who) != user && !members.Manages(userOf(who)) {
			return identity.ErrManagersOnly
		}
		if err := members.CheckWithout(user); err != nil {
			return err
		}
		err = p.acting.Remove(ctx, user, id)
		if errors.Is(err, ports.ErrNotFound) {
			err = identity.ErrMemberNotFound
		}
		if err != nil {
			return err
		}
		ended := ports.Ended{User: user, Capacity: memberOf(id, "")}
		return p.trail.Record(ctx, who, unlinked(ended)...)
	})
	return p.recordForbidden(ctx, who, id, err)
}
