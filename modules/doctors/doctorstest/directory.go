// Package doctorstest lets other modules test against doctors: an in-memory Directory, and the contract that it and the real one both pass.
package doctorstest

import (
	"context"
	"sync"

	"healthcare/modules/doctors"
)

// Directory is a doctors.Directory in memory. The zero Directory knows nobody; it is safe for concurrent use.
type Directory struct {
	mu    sync.Mutex
	known map[doctors.ID]doctors.Doctor
}

var _ doctors.Directory = (*Directory)(nil)

// Add makes the doctor known.
func (d *Directory) Add(doctor doctors.Doctor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[doctors.ID]doctors.Doctor{}
	}
	d.known[doctor.ID] = doctor
}

// Remove forgets the doctor.
func (d *Directory) Remove(id doctors.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.known, id)
}

// Find implements doctors.Directory.
func (d *Directory) Find(ctx context.Context, id doctors.ID) (doctors.Doctor, error) {
	found, err := d.FindAll(ctx, []doctors.ID{id})
	if doctor, ok := found[id]; ok || err != nil {
		return doctor, err
	}
	return doctors.Doctor{}, doctors.ErrNotFound
}

// FindAll implements doctors.Directory.
func (d *Directory) FindAll(_ context.Context, ids []doctors.ID) (map[doctors.ID]doctors.Doctor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := map[doctors.ID]doctors.Doctor{}
	for _, id := range ids {
		if doctor, ok := d.known[id]; ok {
			found[id] = doctor
		}
	}
	return found, nil
}
