package domain

import "time"

// UserFilter narrows a list of users. A zero field matches all users.
type UserFilter struct {
	Search                      string // words, each a part of name or address
	Role                        string
	Active                      *bool
	CreatedAfter, CreatedBefore time.Time
}
