// Package assignments is the public package of the assignments module: which doctor treats which patient, and what the
// doctor may do with the patient. It uses the directories of patients and doctors, and subscribes to their removals.
package assignments

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// ID identifies an assignment.
type ID = recordid.Of[record]

type record struct{}

// ParseID reads an id in its canonical form. Errors: ErrNotFound.
func ParseID(s string) (ID, error) { return recordid.Parse[ID](s, ErrNotFound) }

// Access is what an assignment lets the doctor do with the patient.
type Access string

// The accesses, in ascending order.
const (
	None  Access = "none"  // nothing: the assignment is a record only
	Read  Access = "read"  // read the patient, the care team and the access log
	Write Access = "write" // also change the patient, assign and discharge doctors
)

// Valid reports whether the access exists.
func (a Access) Valid() bool { return slices.Contains([]Access{None, Read, Write}, a) }

// Link is an assignment of a doctor to a patient, for subscribers.
type Link struct {
	ID      ID
	Patient uuid.UUID
	Doctor  uuid.UUID
	Access  Access
}

// Directory returns all assignments to other modules.
type Directory interface {
	// Page returns up to limit assignments after the id, in the order of their ids; the zero ID is before all. They
	// are locked against changes and removal until the transaction in ctx ends. Errors: none of its own.
	Page(ctx context.Context, after ID, limit int) ([]Link, error)
}

// Assigned is published in the transaction that makes assignments, at most 1,000.
type Assigned struct {
	Links []Link
	By    auth.Principal
}

// AccessChanged is published in the transaction that changes the access of an assignment.
type AccessChanged struct {
	Link Link
	By   auth.Principal
}

// Ended is published in the transaction that ends assignments, at most 1,000. Assignments that end because their
// patient or doctor is removed are not published: subscribers react to those removals.
type Ended struct {
	IDs []ID
	By  auth.Principal
}

// Config has the settings of the operator.
type Config struct {
	MaxPerUser int    // 0: no limit
	Default    Access // of new assignments whose access the client does not choose
}

// Errors of the module.
var (
	ErrNotFound      = errs.New(errs.NotFound, "not_found", "No such assignment.")
	ErrLimitReached  = errs.New(errs.Conflict, "limit_reached", "You have reached the maximum number of assignments.")
	ErrOwnAssignment = errs.New(
		errs.Forbidden, "own_assignment", "Only the user who keeps the patient may change or end your own assignment.",
	)
	ErrAlreadyAssigned = errs.Duplicate(
		errs.WholeRecord,
		"already_assigned",
		"This doctor is already assigned to this patient.",
	)
)
