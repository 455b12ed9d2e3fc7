package app

import (
	"context"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
)

// NewDirectory returns the Directory for other modules. The Directory is separate from Service, so that a module can
// use it and also subscribe to the events of Service.
func NewDirectory(repository ports.Repository) doctors.Directory { return directory{repository} }

type directory struct{ doctors ports.Repository }

func (d directory) Find(ctx context.Context, id doctors.ID) (doctors.Doctor, error) {
	doctor, err := d.doctors.FindAssignable(ctx, id)
	return view(doctor), err
}

func (d directory) FindAll(ctx context.Context, ids []doctors.ID) (map[doctors.ID]doctors.Doctor, error) {
	found, err := d.doctors.FindAll(ctx, ids)
	if err != nil {
		return nil, err
	}
	views := make(map[doctors.ID]doctors.Doctor, len(found))
	for _, doctor := range found {
		views[doctor.ID] = view(doctor)
	}
	return views, nil
}

func (d directory) Hold(ctx context.Context, id doctors.ID) (doctors.Doctor, error) {
	if err := d.doctors.Hold(ctx, id); err != nil {
		return doctors.Doctor{}, err
	}
	return d.Find(ctx, id) // after the lock, because a statement does not see what was committed while it waited
}

func view(d domain.Doctor) doctors.Doctor {
	return doctors.Doctor{ID: d.ID, Name: d.Name, Specialization: d.Specialization, Experience: d.Experience}
}
