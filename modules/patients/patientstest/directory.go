// Package patientstest lets other modules test against patients: an in-memory Directory, and the contract that it and the real one both pass.
package patientstest

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"healthcare/modules/patients"
)

// Directory is a patients.Directory in memory. The zero Directory knows nobody; it is safe for concurrent use.
type Directory struct {
	mu    sync.Mutex
	known map[patients.ID]entry
}

type entry struct {
	owner   uuid.UUID
	patient patients.Patient
}

var _ patients.Directory = (*Directory)(nil)

// Add makes the patient known as owner's.
func (d *Directory) Add(owner uuid.UUID, patient patients.Patient) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[patients.ID]entry{}
	}
	d.known[patient.ID] = entry{owner, patient}
}

// Remove forgets the patient.
func (d *Directory) Remove(id patients.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.known, id)
}

// Find implements patients.Directory.
func (d *Directory) Find(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	found, err := d.FindAll(ctx, scope, []patients.ID{id})
	if patient, ok := found[id]; ok || err != nil {
		return patient, err
	}
	return patients.Patient{}, patients.ErrNotFound
}

// FindAll implements patients.Directory.
func (d *Directory) FindAll(_ context.Context, scope patients.Scope, ids []patients.ID) (map[patients.ID]patients.Patient, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := map[patients.ID]patients.Patient{}
	for _, id := range ids {
		if e, ok := d.known[id]; ok && e.owner == scope.Owner() {
			found[id] = e.patient
		}
	}
	return found, nil
}
