// Package assignments is the public package of the assignments module: which doctor treats which patient. It uses the
// directories of patients and doctors, and subscribes to their removals.
package assignments

import (
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// ID identifies an assignment.
type ID = recordid.Of[record]

type record struct{}

// ParseID reads an id in its canonical form. Errors: ErrNotFound.
func ParseID(s string) (ID, error) { return recordid.Parse[ID](s, ErrNotFound) }

// Config holds the limit set by the operator.
type Config struct {
	MaxPerUser int // 0: no limit
}

// Errors of the module.
var (
	ErrNotFound        = errs.New(errs.NotFound, "not_found", "No such assignment.")
	ErrLimitReached    = errs.New(errs.Conflict, "limit_reached", "You have reached the maximum number of assignments.")
	ErrAlreadyAssigned = errs.Duplicate(
		errs.WholeRecord,
		"already_assigned",
		"This doctor is already assigned to this patient.",
	)
)
