// Package doctorstest has an in-memory Directory for tests of other modules, and the tests that every Directory must
// pass.
package doctorstest

import (
	"context"
	"sync"

	"healthcare/modules/doctors"
)

// Directory is a doctors.Directory in memory. The zero Directory is empty. It is safe for concurrent use.
type Directory struct {
	mu      sync.Mutex
	records map[doctors.ID]doctors.Doctor
}

var _ doctors.Directory = (*Directory)(nil)

// Add adds a doctor.
func (d *Directory) Add(doctor doctors.Doctor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.records == nil {
		d.records = map[doctors.ID]doctors.Doctor{}
	}
	d.records[doctor.ID] = doctor
}

// Remove removes the doctor.
func (d *Directory) Remove(id doctors.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.records, id)
}

// Find implements doctors.Directory.
func (d *Directory) Find(ctx context.Context, id doctors.ID) (doctors.Doctor, error) {
	found, err := d.FindAll(ctx, []doctors.ID{id})
	if doctor, ok := found[id]; ok || err != nil {
		return doctor, err
	}
	return doctors.Doctor{}, doctors.ErrNotFound
}

// Hold implements doctors.Directory. It locks nothing.
func (d *Directory) Hold(ctx context.Context, id doctors.ID) (doctors.Doctor, error) {
	return d.Find(ctx, id)
}

// FindAll implements doctors.Directory.
func (d *Directory) FindAll(_ context.Context, ids []doctors.ID) (map[doctors.ID]doctors.Doctor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := map[doctors.ID]doctors.Doctor{}
	for _, id := range ids {
		if doctor, ok := d.records[id]; ok {
			found[id] = doctor
		}
	}
	return found, nil
}
