// Package calendar computes the opening hours and free times of doctors. It is pure: time, rules and busy times are
// parameters. Instants are exact; the starts of slots are whole seconds.
package calendar

import (
	"time"

	"github.com/google/uuid"
)

// Minutes is a part of a date: wall clock times in minutes after 00:00, from From (0..1439) to before To (From+1 to
// From+1440). It passes midnight if To exceeds 1440, and still belongs to the date on which it begins.
type Minutes struct {
	From, To int
}

// Window is a weekly opening time.
type Window struct {
	Weekday time.Weekday
	Minutes
	ValidFrom, ValidUntil *Date     // first and last date; nil: unbounded
	Type                  uuid.UUID // the only appointment type; uuid.Nil: every type
}

// Exception replaces or closes opening hours on the dates From to To, both inclusive.
//
// Hours replaces the weekly windows of these dates by Minutes, for every type. It also replaces holidays: all closures
// by the practice are ignored on these dates. The doctor's own hours replace those of the practice.
//
// Otherwise it is a closure. A closure of the practice for all day (a holiday) cancels the hours that begin on its
// dates. The doctor's own closure applies last, also to hours by exception. It closes the time of its dates and, if it
// is for all day, also the hours after the next midnight that began on them. A closure of Minutes closes that part of
// each date, including hours that began on the date before.
type Exception struct {
	From, To Date
	Minutes  *Minutes // of each date; nil: all day
	Hours    bool
	Practice bool // of the whole practice, not of this doctor alone
}

// Rules are the rules by which one doctor accepts appointments. The order of windows and exceptions has no effect.
type Rules struct {
	Zone       *time.Location
	Step       int // minutes between the starts of slots, 5..240, at least 1
	Lead       int // minutes between now and the earliest start
	Horizon    int // days between today and the last date with starts, both in Zone
	Windows    []Window
	Exceptions []Exception // of the doctor and of the practice; others than those of the dates in question do no harm
}

// Span is the time [From, To).
type Span struct {
	From, To time.Time
}

// Length is the length of an appointment in minutes. One that starts at s has the visit [s, s+Minutes), for the
// patient, and the block [s-Before, s+Minutes+After), for the doctor. The visit must be inside the opening hours;
// the buffers may be outside. The buffers of neighbours add up.
type Length struct {
	Minutes, Before, After int
}
