package app

import (
	"context"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/ports"
)

// NewDirectory returns the Directory for other modules. It is separate from Service, so that a module can use it and
// also subscribe to the events of Service.
func NewDirectory(repository ports.Repository) appointments.Directory { return directory{repository} }

type directory struct{ appointments ports.Repository }

func (d directory) Find(ctx context.Context, id appointments.ID) (appointments.Appointment, error) {
	a, err := d.appointments.Find(ctx, id)
	return a.Public(), err
}
