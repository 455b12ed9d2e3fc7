// Package doctors is the public package of the doctors module: the directory of doctors that all users share. The
// types, interfaces and events that other modules use are here; everything else is internal.
package doctors

import (
	"context"

	"github.com/google/uuid"

	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// ID identifies a doctor.
type ID = recordid.Of[Doctor]

// ParseID reads an id in its canonical form. Errors: ErrNotFound.
func ParseID(s string) (ID, error) { return recordid.Parse[ID](s, ErrNotFound) }

// Doctor is the part of a doctor that other modules may use.
type Doctor struct {
	ID             ID
	Name           string
	Specialization string
	Experience     int // whole years
}

// Directory finds doctors for other modules.
type Directory interface {
	// Find returns a doctor who takes new assignments. Errors: ErrNotFound, ErrInRemoval.
	Find(ctx context.Context, id ID) (Doctor, error)

	// FindAll returns the existing doctors with the given ids, by id, in one query. Errors: none of its own.
	FindAll(ctx context.Context, ids []ID) (map[ID]Doctor, error)

	// Hold is Find that locks the doctor against removal, and against the beginning of a removal, until the transaction
	// in ctx ends. Errors: as of Find.
	Hold(ctx context.Context, id ID) (Doctor, error)
}

// Assignments finds and ends the assignments of doctors. The assignments module implements it, so that doctors can be
// removed without knowing assignments.
type Assignments interface {
	// Owners returns the user who owns the patient of each of the doctor's assignments, at most limit of them. Errors:
	// none of its own.
	Owners(ctx context.Context, doctor ID, limit int) ([]uuid.UUID, error)

	// Count returns how many assignments the doctor has. Errors: none of its own.
	Count(ctx context.Context, doctor ID) (int, error)

	// Release ends at most limit of the doctor's assignments on behalf of who, in the transaction of ctx, and returns
	// the number of ended assignments. Unless to is nil, Release first assigns the patients to the doctor to. Errors:
	// ErrNotFound if to was removed in the meantime.
	Release(ctx context.Context, who auth.Principal, doctor ID, to *ID, limit int) (ended int, err error)
}

// Mode defines who may change the directory.
type Mode string

// The modes.
const (
	Guarded Mode = "guarded" // every user adds and edits; a doctor of other users' patients cannot be deleted
	Open    Mode = "open"    // every user adds, edits and deletes, as in the original service
	Curated Mode = "curated" // administrators only
)

// Config holds the operator's settings of the directory.
type Config struct {
	Mode       Mode
	MaxPerUser int // doctors that one user may add; 0: no limit
}

// Deleted is published in the transaction that removes a doctor, before the row is deleted. Subscribers delete their
// references to it, and record their changes to the data of patients as changes by By.
type Deleted struct {
	ID ID
	By auth.Principal
}

// Removing is published in the transaction that begins a removal which a job continues. A subscriber rejects the
// removal with an error.
type Removing struct {
	ID ID
	By auth.Principal
}

// Linked is published in the transaction that links a doctor's record to the account of its user, who then acts for the
// doctor. A record has at most one user, and a user at most one record.
type Linked struct {
	ID   ID
	User uuid.UUID
	By   auth.Principal
}

// Unlinked is published in the transaction that ends a link, and before Deleted, also without a link. A removal of the
// account does not publish it.
type Unlinked struct {
	ID ID
	By auth.Principal
}

// Role is the role of users who are linked to a doctor's record.
const Role auth.Role = "doctor"

// Errors of the module.
var (
	ErrNotFound  = errs.New(errs.NotFound, "not_found", "No such doctor.")
	ErrInRemoval = errs.New(errs.Conflict, "doctor_in_removal", "This doctor is being removed.")
	ErrOfOthers  = errs.New(
		errs.Conflict,
		"doctor_in_use",
		"Patients of other users are assigned to this doctor. An administrator can remove the doctor.",
	)
	ErrOfMany = errs.New(
		errs.Conflict,
		"doctor_in_use",
		"More than 1,000 patients are assigned to this doctor. An administrator can remove the doctor.",
	)
	ErrReceives = errs.New(
		errs.Conflict,
		"doctor_in_use",
		"The patients of another doctor are being reassigned to this doctor.",
	)
	ErrCurated = errs.New(
		errs.Forbidden,
		"directory_is_curated",
		"Only administrators can change the directory of doctors.",
	)
	ErrLinked = errs.New(
		errs.Forbidden,
		"record_is_linked",
		"This doctor's record is linked to an account. Only its user or an administrator can change it.",
	)
	ErrRecordLinked = errs.New(
		errs.Conflict,
		"already_linked",
		"This doctor's record is already linked to an account.",
	)
	ErrAccountLinked = errs.New(
		errs.Conflict,
		"already_linked",
		"Your account is already linked to a doctor's record.",
	)
	ErrNotLinked    = errs.New(errs.NotFound, "not_linked", "No account is linked to this doctor's record.")
	ErrNoInvitation = errs.New(
		errs.NotFound,
		"no_such_invitation",
		"No such invitation. It may have been used, withdrawn or replaced, or it has expired.",
	)
	ErrNoRecord = errs.New(
		errs.Conflict,
		"no_doctor_linked",
		"This account is not linked to a doctor's record. Invite the user to claim one.",
	)
	ErrLimitReached = errs.New(errs.Conflict, "limit_reached",
		"You have added the maximum number of doctors per user.")
	ErrLicenseNumberTaken = errs.Duplicate(
		"license_number",
		"license_number_taken",
		"Another doctor has this license number.",
	)
)
