package app

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// RestrictionResource is the resource of entries about restrictions, which name the patient and no party.
const RestrictionResource audit.Resource = "Restriction"

// Restrictions implements the use cases by which a patient, a delegate, or on their word the user who keeps the patient
// hides the patient from a doctor or a user (45 CFR 164.522(a)).
type Restrictions struct {
	*Service
	restrictions ports.Restrictions
	doctors      doctors.Directory
	users        identity.Names
	parties      identity.Parties
}

// NewRestrictions returns Restrictions.
func NewRestrictions(
	service *Service, restrictions ports.Restrictions, directory doctors.Directory, users identity.Names,
	parties identity.Parties,
) *Restrictions {
	return &Restrictions{service, restrictions, directory, users, parties}
}

// Add hides a patient from the doctor or the user, one of which is given, until it is removed. Errors: errs.Invalid,
// patients.ErrNotFound, patients.ErrPatientOnly, doctors.ErrNotFound, patients.ErrUserNotFound,
// patients.ErrKeeperNeeded, patients.ErrRepresentative, patients.ErrAlreadyRestricted, patients.ErrTooManyRestrictions.
func (s *Restrictions) Add(
	ctx context.Context, who auth.Principal, id patients.ID, doctor, user *uuid.UUID,
) (domain.Restriction, error) {
	restriction, err := domain.Restrict(id, doctor, user, who.UserID, s.clock.Now())
	if err != nil {
		return restriction, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		// The lock keeps other restrictions of the patient waiting, which would not count this one, and a transfer.
		locked, err := s.lockAsPatient(ctx, who, id, patients.ErrPatientOnly)
		if err != nil {
			return err
		}
		users, err := s.usersOf(ctx, restriction)
		if err != nil {
			return err
		}
		for _, user := range users {
			if err := s.checkHides(ctx, who, id, user, locked.OwnerID); err != nil {
				return err
			}
		}
		count, err := s.restrictions.Count(ctx, id)
		if err != nil {
			return err
		}
		if count >= domain.MaxRestrictions {
			return patients.ErrTooManyRestrictions
		}
		if err := s.restrictions.Add(ctx, restriction); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, restrictionEntry(audit.Create, restriction, locked.Reason))
	})
	return restriction, s.recordStranger(ctx, who, id, err)
}

// usersOf returns the users from whom the restriction hides the patient. Errors: doctors.ErrNotFound,
// patients.ErrUserNotFound.
func (s *Restrictions) usersOf(ctx context.Context, r domain.Restriction) (users []uuid.UUID, err error) {
	if r.Kind == domain.ForUser {
		user := identity.UserID{UUID: r.PartyID}
		names, err := s.users.FindNames(ctx, []identity.UserID{user})
		if _, exists := names[user]; err == nil && !exists {
			err = patients.ErrUserNotFound
		}
		return []uuid.UUID{r.PartyID}, err
	}
	doctor := doctors.ID{UUID: r.PartyID}
	found, err := s.doctors.FindAll(ctx, []doctors.ID{doctor})
	if _, exists := found[doctor]; err == nil && !exists {
		err = doctors.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	linked, err := s.parties.ActingFor(ctx, []uuid.UUID{r.PartyID}, s.clock.Now())
	for _, acting := range linked {
		users = append(users, acting.User.UUID)
	}
	return users, err
}

// checkHides returns an error unless the patient of the owner may be hidden from the user. Errors:
// patients.ErrKeeperNeeded, also for the user who sent the request; patients.ErrRepresentative.
func (s *Restrictions) checkHides(
	ctx context.Context, who auth.Principal, id patients.ID, user, owner uuid.UUID,
) error {
	_, err := s.grants.FindRepresenting(ctx, user, id, s.clock.Now())
	switch {
	case err == nil:
		return patients.ErrRepresentative
	case !errors.Is(err, patients.ErrNoGrant):
		return err
	case user == owner || user == who.UserID:
		return patients.ErrKeeperNeeded
	}
	return nil
}

// Browse returns the restrictions of a patient, oldest first. Errors: patients.ErrNotFound, patients.ErrPatientOnly.
func (s *Restrictions) Browse(ctx context.Context, who auth.Principal, id patients.ID) ([]domain.Restriction, error) {
	reason, err := s.readAsPatient(ctx, who, id, patients.ErrPatientOnly)
	if err != nil {
		return nil, s.recordStranger(ctx, who, id, err)
	}
	all, err := s.restrictions.OfPatient(ctx, id)
	if err != nil {
		return nil, err
	}
	entry := audit.Entry{Action: audit.List, Resource: RestrictionResource, PatientID: id.UUID, Reason: reason}
	ids := audit.IDs(all, func(r domain.Restriction) uuid.UUID { return r.PartyID })
	return all, s.trail.Record(ctx, who, audit.NewListEntries(entry, ids)...)
}

// Find returns the restriction of a patient for a party. Errors: patients.ErrNotFound, patients.ErrPatientOnly,
// patients.ErrNoRestriction.
func (s *Restrictions) Find(
	ctx context.Context, who auth.Principal, id patients.ID, party uuid.UUID,
) (domain.Restriction, error) {
	reason, err := s.readAsPatient(ctx, who, id, patients.ErrPatientOnly)
	if err != nil {
		return domain.Restriction{}, s.recordStranger(ctx, who, id, err)
	}
	all, err := s.restrictions.OfPatient(ctx, id)
	if err != nil {
		return domain.Restriction{}, err
	}
	i := slices.IndexFunc(all, func(r domain.Restriction) bool { return r.PartyID == party })
	if i < 0 {
		return domain.Restriction{}, patients.ErrNoRestriction
	}
	return all[i], s.trail.Record(ctx, who, restrictionEntry(audit.Read, all[i], reason))
}

// Remove no longer hides the patient from the party. Errors: patients.ErrNotFound, patients.ErrPatientOnly,
// patients.ErrNoRestriction.
func (s *Restrictions) Remove(ctx context.Context, who auth.Principal, id patients.ID, party uuid.UUID) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		reason, err := s.readAsPatient(ctx, who, id, patients.ErrPatientOnly)
		if err != nil {
			return err
		}
		if err := s.restrictions.Remove(ctx, id, party); err != nil {
			return err
		}
		removed := domain.Restriction{PatientID: id, PartyID: party}
		return s.trail.Record(ctx, who, restrictionEntry(audit.Delete, removed, reason))
	})
	return s.recordStranger(ctx, who, id, err)
}

// restrictionEntry returns the entry of an action on a restriction, whose id is that of the party.
func restrictionEntry(action audit.Action, r domain.Restriction, reason patients.Reason) audit.Entry {
	entry := audit.NewEntry(action, RestrictionResource, r.PartyID)
	entry.PatientID, entry.Reason = r.PatientID.UUID, reason
	return entry
}
