package app

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/patients"
)

// NewLookup returns the patients.AssignmentLookup for the patients module, which does not import this module.
func NewLookup(assignments ports.Repository) patients.AssignmentLookup { return lookup{assignments} }

type lookup struct{ assignments ports.Repository }

func (l lookup) PatientsOf(
	ctx context.Context, scope patients.Scope, doctor uuid.UUID, limit int,
) ([]patients.ID, error) {
	return l.assignments.PatientsOf(ctx, scope, doctor, limit)
}
