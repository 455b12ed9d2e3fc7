// Package patients is the public package of the patients module. A patient is owned by one user, and visible to those
// to whom it is granted and to no other. The types, interfaces and events that other modules use are here; everything
// else is internal.
package patients

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// ID identifies a patient.
type ID = recordid.Of[Patient]

// ParseID reads an id in its canonical form. Errors: ErrNotFound.
func ParseID(s string) (ID, error) { return recordid.Parse[ID](s, ErrNotFound) }

// Patient is the part of a patient that other modules may use: the minimum necessary (45 CFR 164.502(b)), by value.
type Patient struct {
	ID     ID
	Owner  uuid.UUID // the user who keeps the patient
	Name   string
	Age    int // whole years, today
	Gender string
	Reason Reason // why the user of the scope may see the patient
}

// Reason is why a user may see a patient, with the basis keep, care, self or delegate.
type Reason = auth.Reason

// purposes are the purposes of use (HL7 v3 PurposeOfUse) of the bases: treatment, request of the patient and of the
// family.
var purposes = map[string]string{"keep": "TREAT", "care": "TREAT", "self": "PATRQT", "delegate": "FAMRQT"}

// PurposeOfUse returns the purpose of an access with the reason, or "" for a basis of a later release. It follows from
// the basis and is never taken from a request, in which a client could claim any purpose.
func PurposeOfUse(reason Reason) string { return purposes[reason.Basis] }

// Owned is the reason for which a user sees their own patients.
var Owned = Reason{Basis: "keep"}

// Role is the role of users who only see patients that were granted to them, such as themselves.
const Role auth.Role = "patient"

// MaxRepresented is the maximum number of patients that are granted to a user as the patient or as a delegate.
const MaxRepresented = 100

// Level is what a grant allows. The owner of a patient has the level Keep without a grant.
type Level = auth.Level

// The levels, each of which includes those before it.
const (
	Read  = auth.Read  // read the patient, the care team and the access log
	Write = auth.Write // change details, assign and discharge doctors
	Keep  = auth.Keep  // delete, share and invite
)

// Scope is a set of patients to which a statement is narrowed: results are never filtered afterwards. It has the
// patients that one user owns, and those granted to certain grantees at a certain level and time. The zero Scope is
// empty.
type Scope struct {
	owner    uuid.UUID
	grantees []uuid.UUID // nil for most users
	level    Level
	at       time.Time
}

// OwnedBy returns the scope of the patients that the user owns.
func OwnedBy(user uuid.UUID) Scope { return Scope{owner: user} }

// VisibleTo returns the scope of the patients that a user may read at a time.
func VisibleTo(who auth.Principal, at time.Time) Scope { return atLeast(Read, who, at) }

// ChangeableBy returns the scope of the patients whose details a user may change at a time.
func ChangeableBy(who auth.Principal, at time.Time) Scope { return atLeast(Write, who, at) }

func atLeast(level Level, who auth.Principal, at time.Time) Scope {
	scope := OwnedBy(who.UserID)
	for _, capacity := range who.For {
		switch capacity.Kind {
		case auth.AsDoctor, auth.AsSelf:
			scope.grantees = append(scope.grantees, capacity.ID)
		}
	}
	if scope.grantees != nil {
		scope.level, scope.at = level, at
	}
	return scope
}

// Owner returns the user who owns patients of the scope.
func (s Scope) Owner() uuid.UUID { return s.owner }

// Grants returns the grantees whose patients are in the scope beside the owner's, the levels of the grants that count,
// and the time at which they must not have expired. Without grantees the scope has owned patients only.
func (s Scope) Grants() (grantees []uuid.UUID, levels []Level, at time.Time) {
	return s.grantees, s.level.AndAbove(), s.at
}

// Directory finds patients for other modules.
type Directory interface {
	// Find returns a patient of the scope. Errors: ErrNotFound, also for a patient outside the scope.
	Find(ctx context.Context, scope Scope, id ID) (Patient, error)

	// FindAll returns the patients of the scope with the given ids, by id, in one query. Errors: none of its own.
	FindAll(ctx context.Context, scope Scope, ids []ID) (map[ID]Patient, error)

	// Hold is Find that locks the patient against removal and a change of owner until the transaction in ctx ends.
	// Errors: as of Find.
	Hold(ctx context.Context, scope Scope, id ID) (Patient, error)

	// Represented returns the patients whom the user represents at a time, as the patient or as a delegate, at most
	// MaxRepresented of them, in one query. Errors: none of its own.
	Represented(ctx context.Context, user uuid.UUID, at time.Time) ([]ID, error)
}

// Deleted is published in the transaction that removes patients of one user, before the rows are deleted. Subscribers
// delete their references to them. It has at most 1,000 ids. The audit entries of the removal name each patient, so
// subscribers record nothing.
type Deleted struct {
	IDs []ID
	By  auth.Principal
}

// Transferred is published in the transaction that gives patients of the user From to the user To. Subscribers update
// the owner in their records. It has at most 1,000 ids. The audit entries of the transfer name each patient, so
// subscribers record nothing.
type Transferred struct {
	IDs      []ID
	From, To uuid.UUID
	By       auth.Principal
}

// Claimed is published in the transaction in which a user accepts an invitation, after the grant was stored.
type Claimed struct {
	ID   ID
	User uuid.UUID
	By   auth.Principal
	// KeepsNone reports whether the user keeps no patients. A subscriber locks the account first, because a transfer to
	// the user may be about to commit. Errors: none.
	KeepsNone func(context.Context) (bool, error)
}

// Config is set by the operator.
type Config struct {
	MaxPerUser       int  // 0: no limit
	PatientSeesNotes bool // patients and their delegates see the notes
}

// Errors of the module.
var (
	ErrNotFound     = errs.New(errs.NotFound, "not_found", "No such patient.")
	ErrLimitReached = errs.New(
		errs.Conflict, "limit_reached", "You have reached the maximum number of patients per user.",
	)
	ErrReceiverFull = errs.New(
		errs.Conflict, "limit_reached", "The other user has reached the maximum number of patients per user.",
	)
	ErrReadOnly = errs.New(
		errs.Forbidden, "read_only", "You may read this patient, but not change it.",
	)
	ErrKeeperOnly = errs.New(
		errs.Forbidden, "keeper_only", "Only the user who keeps this patient may do this.",
	)
	ErrNoInvitation       = errs.New(errs.NotFound, "no_such_invitation", "No such invitation.")
	ErrTooManyInvitations = errs.New(
		errs.Conflict, "too_many_invitations", "This patient has the maximum number of open invitations.",
	)
	ErrAlreadyClaimed = errs.New(
		errs.Conflict, "already_claimed", "The patient has an account. End its access before another one is invited.",
	)
	ErrTooManyGrants = errs.New(
		errs.Conflict, "too_many_grants", "The patient, or your account, has the maximum number of grants.",
	)
	ErrRequesterOnly = errs.New(
		errs.Forbidden, "requester_only",
		"Only the patient and delegates ask for corrections, which they and the user who keeps the patient see.",
	)
	ErrNotRequester = errs.New(
		errs.Forbidden, "requester_only", "Only the user who asked for this correction may withdraw it.",
	)
	ErrNoCorrection       = errs.New(errs.NotFound, "not_found", "No such correction.")
	ErrTooManyCorrections = errs.New(
		errs.Conflict, "too_many_corrections", "This patient has the maximum number of pending corrections.",
	)
	ErrAlreadyDecided = errs.New(errs.Conflict, "already_decided", "This correction has been decided.")
	ErrKeepsPatients  = errs.New(
		errs.Conflict, "keeps_patients", "This account keeps patients. Transfer them to another user first.",
	)
	ErrAlreadyKept = errs.New(errs.Conflict, "already_kept", "You keep this patient.")
	ErrNoGrant     = errs.New(errs.NotFound, "not_found", "No such grant.")
	ErrCareEnds    = errs.New(
		errs.Conflict, "care_ends_by_discharge", "The access of a doctor ends when the assignment ends.",
	)
	ErrMedicalRecordNumberTaken = errs.Duplicate(
		"medical_record_number",
		"medical_record_number_taken",
		"Another of your patients has this medical record number.",
	)
)
