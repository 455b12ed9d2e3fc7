package domain

import (
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments"
)

// Filter narrows a list of appointments. The zero Filter matches all.
type Filter struct {
	Patient *uuid.UUID
	Doctor  *uuid.UUID
	Series  *uuid.UUID
	Status  appointments.Status // "": every status
	From    time.Time           // the start, inclusive
	To      time.Time           // the start, exclusive
}
