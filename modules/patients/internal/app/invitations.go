package app

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/onetime"
	"healthcare/platform/paging"
)

// Invitations implements the use cases by which users get to see patients whom they do not keep.
type Invitations struct {
	*Service
	invitations  ports.Invitations
	restrictions ports.Restrictions
	parties      identity.Parties
	codes        onetime.Codes
}

// NewInvitations returns Invitations.
func NewInvitations(
	service *Service, invitations ports.Invitations, restrictions ports.Restrictions, parties identity.Parties,
	codes onetime.Codes,
) *Invitations {
	return &Invitations{service, invitations, restrictions, parties, codes}
}

// Invited is a new invitation with its code, which is shown once.
type Invited struct {
	domain.Invitation
	Code onetime.Code
}

// Invite lets the user who gets the code see a patient of who. Errors: errs.Invalid, patients.ErrNotFound,
// patients.ErrKeeperOnly, patients.ErrAlreadyClaimed, patients.ErrTooManyInvitations, patients.ErrTooManyGrants.
func (s *Invitations) Invite(
	ctx context.Context, who auth.Principal, id patients.ID, in domain.InvitationInput,
) (Invited, error) {
	code, now := onetime.New(), s.clock.Now()
	invitation, err := domain.Invite(id, in, s.codes.MAC(code), who.UserID, now, now.Add(onetime.Lifetime))
	if err != nil {
		return Invited{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		locked, err := s.lockKept(ctx, who, id)
		if err != nil {
			return err
		}
		if err := s.removeExpired(ctx, id); err != nil {
			return err
		}
		all, err := s.invitations.OfPatient(ctx, id)
		if err == nil {
			err = invitation.CheckBeside(all, now)
		}
		if err != nil {
			return err
		}
		if err := s.invitations.Add(ctx, invitation); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, newEntry(audit.Invited, id, locked.Reason))
	})
	return Invited{invitation, code}, s.recordRefusal(ctx, who, id, err, patients.ErrKeeperOnly)
}

// removeExpired deletes the patient's grants and invitations that have expired, and records the ends of the grants.
func (s *Invitations) removeExpired(ctx context.Context, id patients.ID) error {
	if err := s.invitations.RemoveVoid(ctx, id, s.clock.Steady()); err != nil {
		return err
	}
	ended, err := s.grants.RemoveExpiredOf(ctx, id, s.clock.Steady())
	if err != nil || len(ended) == 0 {
		return err
	}
	return s.trail.Record(ctx, auth.Principal{}, ofNoRequest(grantEntries(audit.Withdrawn, ended...))...)
}

// Listed is an invitation with what has become of it.
type Listed struct {
	domain.Invitation
	State domain.InvitationState
}

// Browse returns a page of the invitations of a patient of who, also those that were accepted, until their grants end,
// and those that have expired, until they are deleted. Errors: patients.ErrNotFound, patients.ErrKeeperOnly.
func (s *Invitations) Browse(
	ctx context.Context, who auth.Principal, id patients.ID, page paging.Request,
) (listed paging.Page[Listed], err error) {
	kept, err := s.patients.Find(ctx, patients.KeptBy(who, s.clock.Now()), id)
	if err != nil {
		return listed, s.recordRefusal(ctx, who, id, err, patients.ErrKeeperOnly)
	}
	found, err := s.invitations.List(ctx, id, page)
	if err != nil {
		return listed, err
	}
	now := s.clock.Now()
	keeping := map[uuid.UUID]bool{who.UserID: true} // the users who have invited
	listed = paging.Map(found, func(i domain.Invitation) Listed { return Listed{i, i.State(now)} })
	for n, i := range listed.Items {
		if i.State != domain.InvitationOpen {
			continue
		}
		keeps, known := keeping[i.InvitedBy]
		if !known {
			if keeps, err = s.keeps(ctx, i.InvitedBy, id); err != nil {
				return paging.Page[Listed]{}, err
			}
			keeping[i.InvitedBy] = keeps
		}
		if !keeps { // the code is void
			listed.Items[n].State = domain.InvitationExpired
		}
	}
	return listed, s.trail.Record(ctx, who, newEntry(audit.Read, id, kept.Reason))
}

// keeps reports whether the user, who has not sent the request, keeps the patient, and the account is not disabled.
// Errors: none of its own.
func (s *Invitations) keeps(ctx context.Context, user uuid.UUID, id patients.ID) (bool, error) {
	scope, err := s.keptBy(ctx, user)
	if err == nil {
		_, err = s.patients.Find(ctx, scope, id)
	}
	if err == nil {
		err = s.checkActive(ctx, user)
	}
	if errors.Is(err, patients.ErrNotFound) || errors.Is(err, patients.ErrNoInvitation) {
		return false, nil
	}
	return err == nil, err
}

// keptBy returns the scope of the patients whom a user keeps who has not sent the request.
func (s *Invitations) keptBy(ctx context.Context, user uuid.UUID) (patients.Scope, error) {
	now := s.clock.Now()
	capacities, err := s.parties.Capacities(ctx, identity.UserID{UUID: user}, now)
	return patients.KeptBy(auth.Principal{UserID: user, For: capacities}, now), err
}

// Withdraw makes an invitation to see a patient of who void. Errors: patients.ErrNotFound, patients.ErrKeeperOnly,
// patients.ErrNoInvitation.
func (s *Invitations) Withdraw(
	ctx context.Context, who auth.Principal, id patients.ID, invitation domain.InvitationID,
) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		locked, err := s.lockKept(ctx, who, id)
		if err != nil {
			return err
		}
		if err := s.invitations.Remove(ctx, id, invitation); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, newEntry(audit.Withdrawn, id, locked.Reason))
	})
	return s.recordRefusal(ctx, who, id, err, patients.ErrKeeperOnly)
}

// Claim grants a patient to the user who sends the code of an invitation and the birth date, which is ignored where
// only the age is known, and not needed by a colleague. The invitation becomes void, also with the third wrong birth
// date. Invitations of a user who no longer keeps the patient are void. Errors: errs.Invalid, patients.ErrNoInvitation
// for every code that is not valid and for a wrong birth date, patients.ErrAlreadyKept, patients.ErrAlreadyClaimed,
// patients.ErrTooManyGrants, patients.ErrColleagueOnly, those of the subscribers of patients.Claimed.
func (s *Invitations) Claim(
	ctx context.Context, who auth.Principal, in domain.ClaimInput,
) (grant domain.Grant, err error) {
	if err := in.Validate(); err != nil {
		return grant, err
	}
	refusal := audit.NewRefusal(audit.Patient, uuid.Nil, http.StatusNotFound)
	code, ok := onetime.Parse(in.Code)
	if !ok {
		return grant, audit.RecordMissing(
			ctx, s.trail, who, refusal, patients.ErrNoInvitation, patients.ErrNoInvitation)
	}
	var wrong error
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		wrong = nil
		patient, invitation, err := s.attempt(ctx, code)
		if err != nil {
			return err
		}
		if err := in.CheckComplete(invitation); err != nil {
			return err
		}
		if invitation.As == domain.Share && !slices.Contains(keepers, who.Role) {
			return patients.ErrColleagueOnly
		}
		refusal = audit.NewRefusal(audit.Patient, patient.ID.UUID, http.StatusNotFound)
		invitation, wrong = invitation.Accept(patient, who.UserID, in.Born(), s.clock.Now(), s.zone)
		switch {
		case wrong == nil:
			grant = invitation.Grant()
			return s.accept(ctx, who, invitation)
		case errors.Is(wrong, patients.ErrNoInvitation):
			return nil // commits the failure that attempt has counted
		}
		return wrong
	})
	if err == nil {
		err = wrong
	}
	return grant, audit.RecordMissing(ctx, s.trail, who, refusal, err, patients.ErrNoInvitation)
}

// attempt returns the open invitation with the code and its patient, and counts a failure. Both are locked, the patient
// first, as in a removal and in a change of the birth date. Errors: patients.ErrNoInvitation.
func (s *Invitations) attempt(ctx context.Context, code onetime.Code) (domain.Patient, domain.Invitation, error) {
	found, err := s.invitations.FindByMAC(ctx, s.codes.MACs(code))
	if err != nil {
		return domain.Patient{}, found, err
	}
	patient, err := s.patients.Hold(ctx, patients.OwnedBy(found.InvitedBy), found.PatientID)
	if errors.Is(err, patients.ErrNotFound) {
		var scope patients.Scope
		if scope, err = s.keptBy(ctx, found.InvitedBy); err == nil {
			patient, err = s.patients.Hold(ctx, scope, found.PatientID)
		}
	}
	if errors.Is(err, patients.ErrNotFound) {
		err = patients.ErrNoInvitation
	}
	if err == nil {
		err = s.checkActive(ctx, found.InvitedBy)
	}
	if err != nil {
		return domain.Patient{}, found, err
	}
	attempted, err := s.invitations.Attempt(ctx, found.ID)
	if err != nil {
		return domain.Patient{}, found, err
	}
	attempted.Failures--
	if attempted.State(s.clock.Now()) != domain.InvitationOpen {
		return domain.Patient{}, found, patients.ErrNoInvitation
	}
	return patient, attempted, nil
}

// checkActive returns an error if the account of the user who invited is disabled. Errors: patients.ErrNoInvitation.
func (s *Invitations) checkActive(ctx context.Context, inviter uuid.UUID) error {
	user := identity.UserID{UUID: inviter}
	accounts, err := s.parties.Accounts(ctx, []identity.UserID{user})
	if err == nil && !accounts[user].Active {
		err = patients.ErrNoInvitation
	}
	return err
}

// accept stores the accepted invitation and its grant. Errors: patients.ErrAlreadyClaimed, patients.ErrTooManyGrants.
func (s *Invitations) accept(ctx context.Context, who auth.Principal, accepted domain.Invitation) error {
	grant := accepted.Grant()
	if err := s.invitations.Accept(ctx, accepted); err != nil {
		return err
	}
	if err := s.removeExpired(ctx, grant.PatientID); err != nil {
		return err
	}
	if err := s.grants.Put(ctx, grant); err != nil {
		return err
	}
	if grant.Represents() {
		if err := s.endRestrictions(ctx, who, grant); err != nil {
			return err
		}
	}
	claimed := patients.Claimed{
		ID: grant.PatientID, User: who.UserID, By: who, Represents: grant.Represents(), Basis: string(grant.Basis),
		KeepsNone: func(ctx context.Context) (bool, error) {
			kept, err := s.patients.Count(ctx, patients.OwnedBy(who.UserID), 1)
			return kept == 0, err
		},
	}
	if err := s.events.Publish(ctx, claimed); err != nil { // the subscriber locks the account
		return err
	}
	represented, err := s.grants.CountRepresented(ctx, who.UserID, s.clock.Now())
	if err == nil && represented > patients.MaxRepresented {
		err = patients.ErrTooManyGrants
	}
	if err != nil {
		return err
	}
	return s.trail.Record(ctx, who, grantEntries(audit.Granted, grant)...)
}

// endRestrictions ends the restrictions for the user, and for the doctors for whom the user acts, because the patient
// cannot be hidden from those who represent the patient.
func (s *Invitations) endRestrictions(ctx context.Context, who auth.Principal, grant domain.Grant) error {
	parties := []uuid.UUID{who.UserID}
	for _, capacity := range who.For {
		if capacity.Kind == auth.AsDoctor {
			parties = append(parties, capacity.ID)
		}
	}
	for _, party := range parties {
		ended, err := s.restrictions.RemoveOfPatients(ctx, party, []patients.ID{grant.PatientID})
		if err != nil {
			return err
		}
		if ended > 0 {
			restriction := domain.Restriction{PatientID: grant.PatientID, PartyID: party}
			entry := restrictionEntry(audit.Delete, restriction, grant.Reason())
			if err := s.trail.Record(ctx, who, entry); err != nil {
				return err
			}
		}
	}
	return nil
}

// grantEntries returns the entries of the beginning or the end of grants. The fields of those that begin have the
// level.
func grantEntries(action audit.Action, grants ...domain.Grant) []audit.Entry {
	entries := make([]audit.Entry, len(grants))
	for i, grant := range grants {
		entries[i] = newEntry(action, grant.PatientID, grant.Reason())
		if action == audit.Granted {
			entries[i].Fields = []string{string(grant.Level)}
		}
	}
	return entries
}

// ofNoRequest removes the status of a response from entries of what no request did.
func ofNoRequest(entries []audit.Entry) []audit.Entry {
	for i := range entries {
		entries[i].Status = 0
	}
	return entries
}

// End ends a grant of a patient, for the user who keeps the patient and the user to whom it was granted. The user may
// still act for themselves, which has no effect without a grant. Errors: patients.ErrNotFound, patients.ErrNoGrant,
// patients.ErrKeeperOnly for other users who may read the patient, patients.ErrCareEnds.
func (s *Invitations) End(ctx context.Context, who auth.Principal, id patients.ID, source uuid.UUID) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		if _, err := s.patients.Hold(ctx, patients.VisibleTo(who, s.clock.Now()), id); err != nil {
			return err
		}
		grant, err := s.grants.Find(ctx, id, source)
		if err != nil {
			return err
		}
		ofUser := grant.GranteeID == who.UserID || grant.Basis == domain.Care && who.ActsFor(grant.GranteeID)
		if !ofUser {
			if _, err := s.lockKept(ctx, who, id); err != nil {
				return onlyKeeper(err)
			}
		}
		if grant.Basis == domain.Care {
			return patients.ErrCareEnds
		}
		if err := s.grants.Remove(ctx, grant); err != nil {
			return err
		}
		if err := s.invitations.RemoveAccepted(ctx, []uuid.UUID{grant.SourceID}); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, grantEntries(audit.Withdrawn, grant)...)
	})
	if errors.Is(err, patients.ErrKeeperOnly) {
		return s.recordForbidden(ctx, who, id, err)
	}
	return s.recordMissing(ctx, who, id, err)
}

// onlyKeeper replaces patients.ErrNotFound, of a user who may read the patient, by patients.ErrKeeperOnly.
func onlyKeeper(err error) error {
	if errors.Is(err, patients.ErrNotFound) {
		return patients.ErrKeeperOnly
	}
	return err
}
