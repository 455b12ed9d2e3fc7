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

// SameAs reports whether the removals do the same.
func (r Removal) SameAs(other Removal) bool {
	if r.ReassignTo == nil || other.ReassignTo == nil {
		return r.Doctor == other.Doctor && r.ReassignTo == other.ReassignTo
	}
	return r.Doctor == other.Doctor && *r.ReassignTo == *other.ReassignTo
}
