package domain

import (
	"time"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
)

// Removal is that of a doctor whose assignments end in the background. Meanwhile the doctor takes no new ones.
type Removal struct {
	Doctor     doctors.ID
	ReassignTo *doctors.ID // receives the patients; nil: the assignments end
	StartedAt  time.Time

	// The administrator, for the audit trail.
	UserID    uuid.UUID
	SessionID uuid.UUID
	Role      string
}
