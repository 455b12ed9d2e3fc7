package app

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/paging"
)

// EmergencyResource is the resource of entries about emergency accesses, which name the patient.
const EmergencyResource audit.Resource = "EmergencyAccess"

// Emergencies implements the use cases of emergency access (45 CFR 164.312(a)(2)(ii)) and of its review.
type Emergencies struct {
	*Service
	emergencies ports.Emergencies
	users       identity.Names
	passwords   identity.Reauthenticator
	roles       identity.Roles
	allowed     string // patients.Config.EmergencyAccess
}

// NewEmergencies returns Emergencies.
func NewEmergencies(
	service *Service, emergencies ports.Emergencies, users identity.Names, passwords identity.Reauthenticator,
	roles identity.Roles, cfg patients.Config,
) *Emergencies {
	return &Emergencies{service, emergencies, users, passwords, roles, cfg.EmergencyAccess}
}

// Opened is an emergency access with the current name of the user who opened it, or "" for a removed account.
type Opened struct {
	domain.Emergency
	UserName string
}

// named adds the names of the users, in one query.
func (s *Emergencies) named(ctx context.Context, all ...domain.Emergency) ([]Opened, error) {
	users := make([]identity.UserID, len(all))
	for i, e := range all {
		users[i] = identity.UserID{UUID: e.UserID}
	}
	names, err := s.users.FindNames(ctx, users)
	if err != nil {
		return nil, err
	}
	opened := make([]Opened, len(all))
	for i, e := range all {
		opened[i] = Opened{e, names[users[i]]}
	}
	return opened, nil
}

// namedOne is named for one emergency access.
func (s *Emergencies) namedOne(ctx context.Context, e domain.Emergency) (Opened, error) {
	opened, err := s.named(ctx, e)
	if err != nil {
		return Opened{}, err
	}
	return opened[0], nil
}

// Open lets the user read one patient by id for some minutes, also if the patient is hidden from the user. The user
// proves the password. Errors: errs.Invalid, auth.ErrForbidden, patients.ErrNoPrivacyOfficer, errs.Throttled,
// errs.Unavailable, auth.ErrInvalidToken, patients.ErrNotFound, patients.ErrAlreadyVisible,
// patients.ErrTooManyEmergencies, those of the subscribers of patients.Claimed.
func (s *Emergencies) Open(
	ctx context.Context, who auth.Principal, in domain.EmergencyInput, from netip.Addr,
) (Opened, error) {
	if _, err := domain.OpenEmergency(in, who.UserID, s.clock.Now()); err != nil {
		return Opened{}, err
	}
	if !s.mayOpen(who) {
		refusal := audit.NewRefusal(audit.Patient, in.Patient.UUID, http.StatusForbidden)
		return Opened{}, audit.RecordMissing(
			ctx, s.trail, who, refusal, auth.ErrForbidden, auth.ErrForbidden)
	}
	officers, err := s.roles.CountActive(ctx, patients.PrivacyRole, 1)
	if err == nil && officers == 0 {
		err = patients.ErrNoPrivacyOfficer
	}
	if err != nil {
		return Opened{}, err
	}
	if err := s.passwords.Reauthenticate(ctx, who, in.Password, from); err != nil {
		return Opened{}, err
	}
	opened, err := domain.OpenEmergency(in, who.UserID, s.clock.Now()) // hashing the password took time
	if err != nil {
		return Opened{}, err
	}
	shown, err := s.namedOne(ctx, opened)
	if err != nil {
		return Opened{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error { return s.open(ctx, who, opened) })
	return shown, s.recordMissing(ctx, who, in.Patient, err)
}

func (s *Emergencies) mayOpen(who auth.Principal) bool {
	switch s.allowed {
	case "off":
		return false
	case "staff":
		return true
	}
	isDoctor := func(c auth.Capacity) bool { return c.Kind == auth.AsDoctor }
	return who.Role == doctors.Role || slices.ContainsFunc(who.For, isDoctor)
}

func (s *Emergencies) open(ctx context.Context, who auth.Principal, e domain.Emergency) error {
	_, err := s.patients.Find(ctx, patients.VisibleTo(who, e.OpenedAt), e.PatientID)
	if err == nil {
		return patients.ErrAlreadyVisible
	}
	if !errors.Is(err, patients.ErrNotFound) {
		return err
	}
	if err := s.emergencies.Open(ctx, e); err != nil {
		return err
	}
	// The subscriber locks the account, so that the next statement has what other requests of the user have opened.
	claimed := patients.Claimed{ID: e.PatientID, User: who.UserID, By: who, Basis: e.Access().Basis}
	if err := s.events.Publish(ctx, claimed); err != nil {
		return err
	}
	open, err := s.emergencies.OpenOf(ctx, who.UserID, e.OpenedAt)
	if err != nil {
		return err
	}
	if len(open) > domain.MaxOpenEmergencies {
		return patients.ErrTooManyEmergencies
	}
	// Another request of the user may have opened one since.
	if slices.ContainsFunc(open, func(o domain.Emergency) bool { return o.PatientID == e.PatientID && o.ID != e.ID }) {
		return patients.ErrAlreadyVisible
	}
	return s.trail.Record(ctx, who, emergencyEntry(audit.EmergencyOpened, e))
}

// BrowseOf returns a page of the emergency accesses to a patient. Errors: patients.ErrNotFound,
// patients.ErrPatientOnly.
func (s *Emergencies) BrowseOf(
	ctx context.Context, who auth.Principal, id patients.ID, page paging.Request,
) (paging.Page[Opened], error) {
	none := paging.Page[Opened]{}
	reason, err := s.readAsPatient(ctx, who, id, patients.ErrPatientOnly)
	if err != nil {
		return none, s.recordStranger(ctx, who, id, err)
	}
	found, err := s.emergencies.List(ctx, domain.EmergencyFilter{Patient: &id}, page)
	if err != nil {
		return none, err
	}
	return s.show(ctx, who, audit.Entry{PatientID: id.UUID, Reason: reason}, found)
}

// Browse returns a page of all emergency accesses to a privacy officer, and to other users of their own. Errors: none.
func (s *Emergencies) Browse(
	ctx context.Context, who auth.Principal, filter domain.EmergencyFilter, page paging.Request,
) (paging.Page[Opened], error) {
	if who.Role != patients.PrivacyRole {
		filter.User = &who.UserID
	}
	found, err := s.emergencies.List(ctx, filter, page)
	if err != nil {
		return paging.Page[Opened]{}, err
	}
	return s.show(ctx, who, audit.Entry{}, found)
}

// show adds the names to a page and records it.
func (s *Emergencies) show(
	ctx context.Context, who auth.Principal, entry audit.Entry, found paging.Page[domain.Emergency],
) (paging.Page[Opened], error) {
	opened, err := s.named(ctx, found.Items...)
	if err != nil {
		return paging.Page[Opened]{}, err
	}
	entry.Action, entry.Resource = audit.List, EmergencyResource
	ids := audit.IDs(opened, func(e Opened) uuid.UUID { return e.ID.UUID })
	page := paging.Page[Opened]{Items: opened, Next: found.Next, Total: found.Total}
	return page, s.trail.Record(ctx, who, audit.NewListEntries(entry, ids)...)
}

// FindOne returns an emergency access, for the user who opened it and privacy officers. Errors:
// patients.ErrNoEmergency, also for other users.
func (s *Emergencies) FindOne(
	ctx context.Context, who auth.Principal, id domain.EmergencyID,
) (opened Opened, err error) {
	found, err := s.emergencies.Find(ctx, id)
	if err == nil && found.UserID != who.UserID && who.Role != patients.PrivacyRole {
		err = patients.ErrNoEmergency
	}
	if err != nil {
		return opened, s.recordMissingEmergency(ctx, who, id, err)
	}
	if opened, err = s.namedOne(ctx, found); err != nil {
		return opened, err
	}
	return opened, s.trail.Record(ctx, who, emergencyEntry(audit.Read, found))
}

// recordMissingEmergency records that the access does not exist, or was opened by another user, and returns err. It
// returns other errors unrecorded.
func (s *Emergencies) recordMissingEmergency(
	ctx context.Context, who auth.Principal, id domain.EmergencyID, err error,
) error {
	refusal := audit.NewRefusal(EmergencyResource, id.UUID, http.StatusNotFound)
	return audit.RecordMissing(ctx, s.trail, who, refusal, err, patients.ErrNoEmergency)
}

// End ends an emergency access before its time, for the user who opened it and privacy officers. It does nothing if the
// access has ended. Errors: patients.ErrNoEmergency, also for other users.
func (s *Emergencies) End(ctx context.Context, who auth.Principal, id domain.EmergencyID) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		_, err := s.changeOne(ctx, who, id, audit.EmergencyEnded, func(e *domain.Emergency) error {
			if e.UserID != who.UserID && who.Role != patients.PrivacyRole {
				return patients.ErrNoEmergency
			}
			e.End(s.clock.Now())
			return nil
		})
		return err
	})
	return s.recordMissingEmergency(ctx, who, id, err)
}

// Review stores the verdict of a privacy officer about an emergency access that another user has opened. Errors:
// errs.Invalid, patients.ErrNoEmergency, patients.ErrOwnEmergency, patients.ErrAlreadyReviewed.
func (s *Emergencies) Review(
	ctx context.Context, who auth.Principal, id domain.EmergencyID, review domain.Review,
) (shown Opened, err error) {
	if err := review.Validate(); err != nil {
		return Opened{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		reviewed, err := s.changeOne(ctx, who, id, audit.EmergencyReviewed, func(e *domain.Emergency) error {
			return e.Review(review, who.UserID, s.clock.Now())
		})
		if err != nil {
			return err
		}
		shown, err = s.namedOne(ctx, reviewed)
		return err
	})
	return shown, s.recordMissingEmergency(ctx, who, id, err)
}

// changeOne applies rule to an emergency access, and records the action if it changed something, in the transaction of
// ctx.
func (s *Emergencies) changeOne(
	ctx context.Context, who auth.Principal, id domain.EmergencyID, action audit.Action,
	rule func(*domain.Emergency) error,
) (domain.Emergency, error) {
	var before int
	changed, err := s.emergencies.Change(ctx, id, func(e *domain.Emergency) error {
		before = e.Version
		return rule(e)
	})
	if err != nil || changed.Version == before {
		return changed, err
	}
	return changed, s.trail.Record(ctx, who, emergencyEntry(action, changed))
}

// emergencyEntry returns the entry of an action on an emergency access. That of the opening has the code of the reason.
func emergencyEntry(action audit.Action, e domain.Emergency) audit.Entry {
	entry := audit.NewEntry(action, EmergencyResource, e.ID.UUID)
	entry.PatientID = e.PatientID.UUID
	if action == audit.EmergencyOpened {
		entry.Fields = []string{e.Reason}
		entry.Reason = e.Access()
	}
	return entry
}
