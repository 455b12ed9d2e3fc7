package domain

import (
	"time"

	"healthcare/modules/identity"
)

// NoPassword is the password hash of a closed account. No password matches it.
const NoPassword = "-"

// Closing records how an account was closed whose data is still being removed.
type Closing struct {
	Session identity.SessionID // in which the user left
	Role    string
	At      time.Time
}
