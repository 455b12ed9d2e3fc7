// Package doctors is the public face of the doctors module: the directory of doctors that all users share. What other modules may
// hold, ask and hear of a doctor is here; everything else is internal.
package doctors

import (
	"context"

	"github.com/google/uuid"

	"healthcare/platform/errs"
)

// ID identifies a doctor: a UUID, version 7.
type ID struct{ uuid.UUID }

// ParseID reads an id in its canonical form of 36 characters. Errors: ErrNotFound, because nothing is named otherwise.
func ParseID(s string) (ID, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return ID{}, ErrNotFound
	}
	return ID{id}, nil
}

// Doctor is what other modules may know of a doctor.
type Doctor struct {
	ID             ID
	Name           string
	Specialization string
	Experience     int // whole years
}

// Directory answers other modules' questions about doctors.
type Directory interface {
	// Find is the doctor with that id. Errors: ErrNotFound.
	Find(ctx context.Context, id ID) (Doctor, error)

	// FindAll is those of the doctors that exist, by id, in one query. Errors: none of its own.
	FindAll(ctx context.Context, ids []ID) (map[ID]Doctor, error)
}

// Deleted is announced in the transaction that removes a doctor, before the record goes: whoever holds on to it lets go now.
type Deleted struct{ ID ID }

// What the module refuses.
var (
	ErrNotFound           = errs.New(errs.NotFound, "not_found", "No such doctor.")
	ErrLicenseNumberTaken = errs.Duplicate("license_number", "license_number_taken", "Another doctor has this license number.")
)
