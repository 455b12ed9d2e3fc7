// Package patientstest has an in-memory Directory for tests of other modules, and the tests that every Directory must
// pass.
package patientstest

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/platform/auth"
)

// Directory is a patients.Directory in memory. The zero Directory is empty. It is safe for concurrent use.
type Directory struct {
	mu      sync.Mutex
	records map[patients.ID]entry
}

type entry struct {
	owner   uuid.UUID
	patient patients.Patient
	until   map[uuid.UUID]time.Time // by the user who represents the patient; zero: no end
}

// represents reports whether the user represents the patient at the time.
func (e entry) represents(user uuid.UUID, at time.Time) bool {
	until, represents := e.until[user]
	return represents && (until.IsZero() || at.Before(until))
}

var _ patients.Directory = (*Directory)(nil)

// Add adds a patient of the owner.
func (d *Directory) Add(owner uuid.UUID, patient patients.Patient) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.records == nil {
		d.records = map[patients.ID]entry{}
	}
	patient.Owner, patient.Reason = owner, patients.Owned
	d.records[patient.ID] = entry{owner, patient, map[uuid.UUID]time.Time{}}
}

// Represent lets the user represent a patient before that time; the zero time is no end.
func (d *Directory) Represent(user uuid.UUID, patient patients.ID, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[patient].until[user] = until
}

// Exceptions implements patients.Directory. It restricts no patient.
func (d *Directory) Exceptions(
	_ context.Context, who auth.Principal, at time.Time,
) (differing patients.Exceptions, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, e := range d.records {
		if e.represents(who.UserID, at) && who.ActsFor(who.UserID) {
			differing.Represented = append(differing.Represented, id)
		}
	}
	return differing, nil
}

// Remove removes the patient.
func (d *Directory) Remove(id patients.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.records, id)
}

// Find implements patients.Directory.
func (d *Directory) Find(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	found, err := d.FindAll(ctx, scope, []patients.ID{id})
	if patient, ok := found[id]; ok || err != nil {
		return patient, err
	}
	return patients.Patient{}, patients.ErrNotFound
}

// Hold implements patients.Directory. It locks nothing.
func (d *Directory) Hold(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	return d.Find(ctx, scope, id)
}

// FindAll implements patients.Directory.
func (d *Directory) FindAll(
	_ context.Context, scope patients.Scope, ids []patients.ID,
) (map[patients.ID]patients.Patient, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := map[patients.ID]patients.Patient{}
	grantees, _, at := scope.Grants()
	for _, id := range ids {
		e, ok := d.records[id]
		if ok && e.owner == scope.Owner() {
			found[id] = e.patient
			continue
		}
		for _, grantee := range grantees {
			if e.represents(grantee, at) {
				e.patient.Reason = patients.Reason{Basis: "self", For: grantee}
				found[id] = e.patient
			}
		}
	}
	return found, nil
}
