// Package assignments is the public face of the assignments module: which doctor treats which patient. It asks patients and
// doctors, and reacts when they remove a record; nobody asks it anything yet.
package assignments

import (
	"github.com/google/uuid"

	"healthcare/platform/errs"
)

// ID identifies an assignment: a UUID, version 7.
type ID struct{ uuid.UUID }

// ParseID reads an id in its canonical form of 36 characters. Errors: ErrNotFound, because nothing is named otherwise.
func ParseID(s string) (ID, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return ID{}, ErrNotFound
	}
	return ID{id}, nil
}

// Config is the operator's limit.
type Config struct {
	MaxPerUser int // 0: none
}

// What the module refuses.
var (
	ErrNotFound        = errs.New(errs.NotFound, "not_found", "No such assignment.")
	ErrLimitReached    = errs.New(errs.Conflict, "limit_reached", "You have as many assignments as one user may have.")
	ErrAlreadyAssigned = errs.Duplicate(errs.WholeRecord, "already_assigned", "This doctor is already assigned to this patient.")
)
