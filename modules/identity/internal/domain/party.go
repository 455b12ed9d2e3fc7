package domain

import (
	"time"

	"healthcare/modules/identity"
)

// Party is one for whom a user acts: a doctor's record, a practice, a colleague, or the user.
type Party struct {
	identity.Capacity
	Since time.Time
	Until time.Time // zero if the capacity does not end
}

// Ended reports whether the user no longer acts for the party.
func (p Party) Ended(now time.Time) bool { return !p.Until.IsZero() && !now.Before(p.Until) }
