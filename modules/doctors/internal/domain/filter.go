package domain

import "time"

// Filter narrows the directory; the zero Filter does not.
type Filter struct {
	Search         string // words, each a part of name, specialization, e-mail address or license number
	Specialization string // exactly
	ExperienceMin  *int   // whole years
	ExperienceMax  *int
	CreatedAfter   time.Time
	CreatedBefore  time.Time
}
