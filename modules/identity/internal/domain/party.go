package domain

import (
	"time"

	"github.com/google/uuid"
)

// Party is one for whom a user acts: a doctor's record, or the user.
type Party struct {
	ID    uuid.UUID
	Kind  string // an auth.CapacityKind
	Since time.Time
}
