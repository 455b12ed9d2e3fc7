package app

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/patients"
)

// NewCare answers the patients module, which does not know assignments.
func NewCare(assignments ports.Repository) patients.Care { return care{assignments} }

type care struct{ assignments ports.Repository }

func (c care) PatientsOf(ctx context.Context, scope patients.Scope, doctor uuid.UUID, limit int) ([]patients.ID, error) {
	return c.assignments.PatientsOf(ctx, scope, doctor, limit)
}
