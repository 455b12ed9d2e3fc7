package app

import (
	"context"
	"slices"
	"time"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
)

// NewDirectory returns the Directory for other modules. Ages are computed for the current date in zone. The Directory
// is separate from Service, so that a module can use it and also subscribe to the events of Service.
func NewDirectory(
	repository ports.Repository, grants ports.Grants, restrictions ports.Restrictions, clk clock.Clock,
	zone *time.Location,
) patients.Directory {
	return directory{repository, grants, restrictions, clk, zone}
}

type directory struct {
	patients     ports.Repository
	grants       ports.Grants
	restrictions ports.Restrictions
	clock        clock.Clock
	zone         *time.Location
}

// NewContacts returns the Contacts for the module notifications.
func NewContacts(repository ports.Repository) patients.Contacts { return repository }

func (d directory) Find(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	patient, err := d.patients.Find(ctx, scope, id)
	return view(patient, d.today()), err
}

func (d directory) FindAll(
	ctx context.Context, scope patients.Scope, ids []patients.ID,
) (map[patients.ID]patients.Patient, error) {
	found, err := d.patients.FindAll(ctx, scope, ids)
	if err != nil {
		return nil, err
	}
	views := make(map[patients.ID]patients.Patient, len(found))
	today := d.today()
	for _, patient := range found {
		views[patient.ID] = view(patient, today)
	}
	return views, nil
}

func (d directory) Hold(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	patient, err := d.patients.Hold(ctx, scope, id)
	return view(patient, d.today()), err
}

func (d directory) Exceptions(
	ctx context.Context, who auth.Principal, at time.Time,
) (differing patients.Exceptions, err error) {
	if who.ActsFor(who.UserID) {
		if differing.Represented, err = d.grants.Represented(ctx, who.UserID, at); err != nil {
			return patients.Exceptions{}, err
		}
	}
	differing.Restricted, err = d.restrictions.Restricted(ctx, patients.VisibleTo(who, at), patients.MaxRestricted)
	differing.Represented = slices.DeleteFunc(differing.Represented, func(id patients.ID) bool {
		return slices.Contains(differing.Restricted, id)
	})
	return differing, err
}

func (d directory) today() domain.Date { return domain.CalendarAt(d.clock.Now(), d.zone).Today }

func view(p domain.Patient, today domain.Date) patients.Patient {
	return patients.Patient{
		ID: p.ID, Owner: p.OwnerID, Name: p.Details.Name, Age: p.Age(today), Gender: p.Details.Gender,
		Reason: p.Reason,
	}
}
