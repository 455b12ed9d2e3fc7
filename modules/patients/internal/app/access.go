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

// AccessResource is the resource of entries about explanations of who sees a patient, which name the patient.
const AccessResource audit.Resource = "Access"

// Access explains who sees a patient, and why.
type Access struct {
	*Service
	restrictions ports.Restrictions
	emergencies  ports.Emergencies
	parties      identity.Parties
}

// NewAccess returns Access.
func NewAccess(
	service *Service, restrictions ports.Restrictions, emergencies ports.Emergencies, parties identity.Parties,
) *Access {
	return &Access{service, restrictions, emergencies, parties}
}

// List returns the users who see a patient, the owner first, and those from whom the patient is hidden although it was
// granted to them. With a user it returns that one only, also if the user does not see the patient. It is for the
// patient, delegates and the user who keeps the patient. Errors: patients.ErrNotFound, patients.ErrPatientOnly.
func (a *Access) List(
	ctx context.Context, who auth.Principal, id patients.ID, user *uuid.UUID,
) ([]domain.Viewer, error) {
	reason, err := a.readAsPatient(ctx, who, id, patients.ErrPatientOnly)
	if err != nil {
		return nil, a.recordStranger(ctx, who, id, err)
	}
	known, err := a.known(ctx, id)
	if err != nil {
		return nil, err
	}
	viewers, err := a.explain(ctx, known, user)
	if err != nil {
		return nil, err
	}
	for i, viewer := range viewers {
		if !viewer.Related { // the response does not disclose whether there is such an account
			viewers[i] = domain.Viewer{User: viewer.User}
		}
	}
	return viewers, a.trail.Record(ctx, who, accessEntry(id, reason))
}

// Explain returns why a user sees a patient, and why not, for privacy officers. A patient who does not exist has the
// explanation of one whom the user does not see. Errors: none.
func (a *Access) Explain(
	ctx context.Context, who auth.Principal, id patients.ID, user uuid.UUID,
) (domain.Viewer, error) {
	known, err := a.known(ctx, id)
	if err != nil {
		return domain.Viewer{}, err
	}
	viewers, err := a.explain(ctx, known, &user)
	if err != nil {
		return domain.Viewer{}, err
	}
	entry := accessEntry(id, patients.Reason{})
	if known.Owner == uuid.Nil {
		entry.PatientID = uuid.Nil // there is no such patient
	}
	return viewers[0], a.trail.Record(ctx, who, entry)
}

func accessEntry(id patients.ID, reason patients.Reason) audit.Entry {
	entry := audit.NewEntry(audit.Read, AccessResource, id.UUID)
	entry.PatientID, entry.Reason = id.UUID, reason
	return entry
}

// keepers are the roles of users who may have patients. Patients are shared with users of these roles only.
var keepers = []auth.Role{auth.Staff, auth.Admin, doctors.Role}

// mayRead reports whether users with the role may read patients.
func mayRead(role auth.Role) bool { return role == patients.Role || slices.Contains(keepers, role) }

// explain explains one user, or all who see the patient.
func (a *Access) explain(ctx context.Context, known domain.Known, user *uuid.UUID) ([]domain.Viewer, error) {
	acting, err := a.acting(ctx, known)
	if err != nil {
		return nil, err
	}
	users := candidates(known, acting)
	if user != nil {
		users = []uuid.UUID{*user}
	}
	ids := make([]identity.UserID, len(users))
	for i, id := range users {
		ids[i] = identity.UserID{UUID: id}
	}
	accounts, err := a.parties.Accounts(ctx, ids)
	if err != nil {
		return nil, err
	}
	viewers := make([]domain.Viewer, 0, len(users))
	for i, id := range users {
		account := domain.Account{}
		if found, exists := accounts[ids[i]]; exists {
			account = domain.Account{
				Name: found.Name, Role: string(found.Role), Reads: mayRead(found.Role), Disabled: !found.Active,
			}
		}
		viewer := known.Explain(id, account, acting[id])
		if user != nil || viewer.Related {
			viewers = append(viewers, viewer)
		}
	}
	return viewers, nil
}

// known returns what decides who sees the patient, or the zero Known for one who does not exist.
func (a *Access) known(ctx context.Context, id patients.ID) (known domain.Known, err error) {
	now := a.clock.Now()
	known.Owner, known.Since, err = a.grants.OwnerOf(ctx, id)
	if errors.Is(err, patients.ErrNotFound) {
		return domain.Known{}, nil
	}
	if err != nil {
		return known, err
	}
	if known.Grants, err = a.grants.OfPatient(ctx, id, now); err != nil {
		return known, err
	}
	if known.Restrictions, err = a.restrictions.OfPatient(ctx, id); err != nil {
		return known, err
	}
	known.Emergencies, err = a.emergencies.OpenOfPatient(ctx, id, now)
	return known, err
}

// acting returns, by user, the capacities that concern the patient.
func (a *Access) acting(ctx context.Context, known domain.Known) (map[uuid.UUID][]domain.Acting, error) {
	parties := []uuid.UUID{known.Owner}
	for _, g := range known.Grants {
		parties = append(parties, g.GranteeID)
	}
	for _, r := range known.Restrictions {
		parties = append(parties, r.PartyID)
	}
	slices.SortFunc(parties, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	found, err := a.parties.ActingFor(ctx, slices.Compact(parties), a.clock.Now())
	all := map[uuid.UUID][]domain.Acting{}
	for _, f := range found {
		acting := domain.Acting{
			Party: f.Capacity.ID, Deputy: f.Capacity.Kind == auth.AsDeputy, Since: f.Since, Until: f.Until,
		}
		if acting.Deputy || f.Capacity.Kind == auth.AsPractice {
			acting.Level = f.Capacity.Level
		}
		all[f.User.UUID] = append(all[f.User.UUID], acting)
	}
	return all, err
}

// candidates returns the users who may see the patient, the owner first.
func candidates(known domain.Known, acting map[uuid.UUID][]domain.Acting) []uuid.UUID {
	users := map[uuid.UUID]bool{}
	for user := range acting {
		users[user] = true
	}
	for _, e := range known.Emergencies {
		users[e.UserID] = true
	}
	delete(users, known.Owner)
	all := make([]uuid.UUID, 0, len(users)+1)
	for user := range users {
		all = append(all, user)
	}
	slices.SortFunc(all, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return append([]uuid.UUID{known.Owner}, all...)
}
