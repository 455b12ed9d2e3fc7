package domain

import (
	"time"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
)

// Removal is the removal of a doctor whose assignments end in the background. The doctor takes no new assignments.
type Removal struct {
	Doctor     doctors.ID
	ReassignTo *doctors.ID // receives the patients; nil: the assignments end
	StartedAt  time.Time

	// The administrator, for the audit trail.
	UserID    uuid.UUID
	SessionID uuid.UUID
	Role      string
}
