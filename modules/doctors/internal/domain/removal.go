package domain

import (
	"time"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
)

// Removal is the removal of a doctor, which a job completes. Meanwhile, new assignments of the doctor are rejected.
type Removal struct {
	Doctor     doctors.ID
	ReassignTo *doctors.ID // receives the patients; nil: the assignments end
	StartedAt  time.Time

	// The administrator who requested the removal, for the audit trail.
	UserID    uuid.UUID
	SessionID uuid.UUID
	Role      string
}
