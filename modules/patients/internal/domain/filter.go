package domain

import (
	"time"

	"github.com/google/uuid"

	"healthcare/platform/errs"
)

// Filter narrows a list of patients. The zero Filter matches all.
type Filter struct {
	Search        string // words, each a part of name, e-mail address, phone or medical record number
	Gender        string // in any letter case
	AgeMin        *int   // whole years
	AgeMax        *int
	Doctor        *uuid.UUID // only patients to whom this doctor is assigned
	CreatedAfter  time.Time
	CreatedBefore time.Time

	BornUntil Date // AgeMin as a birth date; set by On
	BornAfter Date // AgeMax as a birth date, exclusive; set by On
}

// Narrows reports whether the filter does not match all patients.
func (f Filter) Narrows() bool {
	return f.Search != "" || f.Gender != "" || f.AgeMin != nil || f.AgeMax != nil || f.Doctor != nil ||
		!f.CreatedAfter.IsZero() || !f.CreatedBefore.IsZero()
}

// On returns the filter for the date today: the gender in its canonical form, and the ages as birth dates. Ages are
// compared as they are shown. A shown age is never negative, so age 0 includes a birth date after today, which has
// begun in another time zone. Errors: errs.Invalid.
func (f Filter) On(today Date) (Filter, error) {
	if f.Gender != "" {
		known := canonical(f.Gender)
		if known == "" {
			return f, errs.Fields(map[string]error{"gender": knownGender(f.Gender)})
		}
		f.Gender = known
	}
	if f.AgeMin != nil && *f.AgeMin <= 0 {
		f.AgeMin = nil
	}
	if f.AgeMin != nil {
		f.BornUntil = today.yearsBefore(*f.AgeMin)
	}
	if f.AgeMax != nil {
		f.BornAfter = today.yearsBefore(*f.AgeMax + 1)
	}
	return f, nil
}

// yearsBefore returns the latest birth date with which a person is years old on d.
func (d Date) yearsBefore(years int) Date {
	d.year -= years
	if d.month == 2 && d.day == 29 && !leap(d.year) {
		d.day = 28 // that year has no 29 February
	}
	return d
}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }
