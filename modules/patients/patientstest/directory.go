// Package patientstest has an in-memory Directory for tests of other modules, and the tests that every Directory must
// pass.
package patientstest

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"healthcare/modules/patients"
)

// Directory is a patients.Directory in memory. The zero Directory is empty. It is safe for concurrent use.
type Directory struct {
	mu      sync.Mutex
	records map[patients.ID]entry
}

type entry struct {
	owner   uuid.UUID
	patient patients.Patient
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
	d.records[patient.ID] = entry{owner, patient}
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
	for _, id := range ids {
		if e, ok := d.records[id]; ok && e.owner == scope.Owner() {
			found[id] = e.patient
		}
	}
	return found, nil
}
