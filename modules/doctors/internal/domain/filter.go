package domain

import "time"

// Filter narrows a list of doctors. The zero Filter matches all.
type Filter struct {
	Search         string // words, each a part of name, specialization, e-mail address or license number
	Specialization string // the exact text; empty: any
	ExperienceMin  *int   // whole years
	ExperienceMax  *int
	CreatedAfter   time.Time
	CreatedBefore  time.Time
}
