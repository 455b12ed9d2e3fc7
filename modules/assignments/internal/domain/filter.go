package domain

import (
	"time"

	"github.com/google/uuid"
)

// Filter narrows a list of assignments. The zero Filter matches all.
type Filter struct {
	Patient        *uuid.UUID // only this patient's
	Doctor         *uuid.UUID // only this doctor's
	AssignedAfter  time.Time
	AssignedBefore time.Time
}
