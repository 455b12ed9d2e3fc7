package app

import (
	"context"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/clock"
)

// NewDirectory is what other modules ask. It stands apart from Service, so that a module which asks can also react.
func NewDirectory(patients ports.Repository, clock clock.Clock) patients.Directory {
	return directory{patients, clock}
}

type directory struct {
	patients ports.Repository
	clock    clock.Clock
}

func (d directory) Find(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	patient, err := d.patients.Find(ctx, scope, id)
	return d.view(patient), err
}

func (d directory) FindAll(ctx context.Context, scope patients.Scope, ids []patients.ID) (map[patients.ID]patients.Patient, error) {
	found, err := d.patients.FindAll(ctx, scope, ids)
	if err != nil {
		return nil, err
	}
	views := make(map[patients.ID]patients.Patient, len(found))
	for _, patient := range found {
		views[patient.ID] = d.view(patient)
	}
	return views, nil
}

func (d directory) view(p domain.Patient) patients.Patient {
	return patients.Patient{ID: p.ID, Name: p.Details.Name, Age: p.Age(domain.DateOf(d.clock.Now())), Gender: p.Details.Gender}
}
