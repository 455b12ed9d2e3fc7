// Package ports has the interfaces that the use cases of the patients module need.
package ports

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/paging"
)

// Repository stores patients. Every method that reads or changes patients is narrowed to a scope. A patient outside of
// it is not found, as if it did not exist.
type Repository interface {
	// Add stores a new patient. Errors: patients.ErrMedicalRecordNumberTaken.
	Add(ctx context.Context, patient domain.Patient) error

	// Find returns one patient. Errors: patients.ErrNotFound.
	Find(ctx context.Context, scope patients.Scope, id patients.ID) (domain.Patient, error)

	// FindAll returns the patients of the scope with the given ids, in any order, in one query. Of their details, only
	// names, genders, ages and birth dates are read. Errors: none.
	FindAll(ctx context.Context, scope patients.Scope, ids []patients.ID) ([]domain.Patient, error)

	// List returns a page of the scope's patients that match the filter. Errors: none.
	List(
		ctx context.Context, scope patients.Scope, filter domain.Filter, page paging.Request,
	) (paging.Page[domain.Patient], error)

	// Change locks the patient, applies rule to it and stores the result. Errors: patients.ErrNotFound,
	// patients.ErrMedicalRecordNumberTaken, the errors of rule.
	Change(
		ctx context.Context, scope patients.Scope, id patients.ID, rule func(*domain.Patient) error,
	) (domain.Patient, error)

	// Hold returns one patient, and locks it against removal and a change of owner until the transaction in ctx ends.
	// Errors: patients.ErrNotFound.
	Hold(ctx context.Context, scope patients.Scope, id patients.ID) (domain.Patient, error)

	// Lock locks the patient against changes, removal and new references until the transaction in ctx ends. Errors:
	// patients.ErrNotFound.
	Lock(ctx context.Context, scope patients.Scope, id patients.ID) (Locked, error)

	// Remove deletes the patient. Errors: patients.ErrNotFound.
	Remove(ctx context.Context, scope patients.Scope, id patients.ID) error

	// Count returns the number of the scope's patients, at most limit. A negative limit means no limit. Errors: none.
	Count(ctx context.Context, scope patients.Scope, limit int) (int, error)

	// LockSome locks up to limit of the scope's patients as Lock does, and returns their ids. Errors: none.
	LockSome(ctx context.Context, scope patients.Scope, limit int) ([]patients.ID, error)

	// Transfer gives at most limit of the scope's patients to the user to, oldest first, and returns their ids. It
	// passes over patients who conflict, see Conflicts. Errors: none.
	Transfer(
		ctx context.Context, scope patients.Scope, to uuid.UUID, limit int, now time.Time,
	) ([]patients.ID, error)

	// Transferable returns the number of the scope's patients who do not conflict with a patient of the user to.
	// Errors: none.
	Transferable(ctx context.Context, scope patients.Scope, to uuid.UUID) (int, error)

	// Conflicts returns at most limit of the scope's patients whose medical record number a patient of the user to has,
	// oldest first. Errors: none.
	Conflicts(ctx context.Context, scope patients.Scope, to uuid.UUID, limit int) ([]patients.ID, error)

	// AfterCommit calls do after the transaction in ctx commits, or at once without a transaction. It does not call do
	// after a rollback. Errors: none.
	AfterCommit(ctx context.Context, do func())

	// FindContact returns how a patient is reached, whoever may see it. Errors: patients.ErrNotFound.
	FindContact(ctx context.Context, id patients.ID) (patients.Contact, error)

	// RemoveAll deletes the patients of the scope with the given ids. Errors: none.
	RemoveAll(ctx context.Context, scope patients.Scope, ids []patients.ID) error
}

// Locked is what callers of Lock need of a patient.
type Locked struct {
	OwnerID uuid.UUID
	Version int
	Reason  patients.Reason
}

// CareTeams stores which doctors are assigned to which patients.
type CareTeams interface {
	// Put stores assignments, or replaces those with the same doctor and patient. Errors: none.
	Put(ctx context.Context, links []assignments.Link) error

	// Remove deletes assignments. Errors: none.
	Remove(ctx context.Context, ids []assignments.ID) error

	// RemoveOfDoctor deletes the assignments of the doctor. Errors: none.
	RemoveOfDoctor(ctx context.Context, doctor uuid.UUID) error

	// Range returns the assignments with ids from after, exclusive, to last, without their access. The zero ID as last
	// is the end. Errors: none.
	Range(ctx context.Context, after, last assignments.ID) ([]assignments.Link, error)

	// Empty reports whether no assignment is stored. Errors: none.
	Empty(ctx context.Context) (bool, error)
}

// Grants stores who may see patients beside their owners.
type Grants interface {
	// Put stores a grant, or replaces the level and the end of the one with the same patient, grantee, basis and
	// source. It does nothing if the patient does not exist. Errors: patients.ErrAlreadyClaimed for the second grant of
	// a patient with the basis Self.
	Put(ctx context.Context, grant domain.Grant) error

	// RemoveBySources deletes the grants of the bases from the given sources, and returns them. Errors: none.
	RemoveBySources(ctx context.Context, bases []domain.Basis, sources []uuid.UUID) ([]domain.Grant, error)

	// Range returns the grants of the bases with sources from after, exclusive, to last. uuid.Nil as last is the end.
	// Errors: none.
	Range(ctx context.Context, bases []domain.Basis, after, last uuid.UUID) ([]StoredGrant, error)

	// RemoveOfPatients deletes all grants of the patients, and returns them. Errors: none.
	RemoveOfPatients(ctx context.Context, ids []patients.ID) ([]domain.Grant, error)

	// RemoveOfGrantee deletes all grants to the grantee, and returns them. Errors: none.
	RemoveOfGrantee(ctx context.Context, grantee uuid.UUID) ([]domain.Grant, error)

	// RemoveExpired deletes at most limit grants that have expired by then, and returns them. Errors: none.
	RemoveExpired(ctx context.Context, at time.Time, limit int) ([]domain.Grant, error)

	// RemoveExpiredOf deletes the grants of the patient that have expired by then, and returns them. Errors: none.
	RemoveExpiredOf(ctx context.Context, patient patients.ID, at time.Time) ([]domain.Grant, error)

	// CountRepresented returns the number of grants with which the user represents patients at that time. Errors: none.
	CountRepresented(ctx context.Context, user uuid.UUID, at time.Time) (int, error)

	// Find returns the grant of a patient from a source. Errors: patients.ErrNoGrant.
	Find(ctx context.Context, patient patients.ID, source uuid.UUID) (domain.Grant, error)

	// Remove deletes one grant. Errors: patients.ErrNoGrant.
	Remove(ctx context.Context, grant domain.Grant) error

	// FindRepresenting returns the grant by which the user represents the patient at that time: as the patient, else as
	// a delegate. Errors: patients.ErrNoGrant.
	FindRepresenting(ctx context.Context, user uuid.UUID, patient patients.ID, at time.Time) (domain.Grant, error)

	// Represented returns the patients whom the user represents at a time, as the patient or as a delegate, at most
	// patients.MaxRepresented of them, in one query. Errors: none.
	Represented(ctx context.Context, user uuid.UUID, at time.Time) ([]patients.ID, error)

	// OfPatient returns the grants of the patient that have not expired at that time, oldest first. Errors: none.
	OfPatient(ctx context.Context, patient patients.ID, at time.Time) ([]domain.Grant, error)

	// OwnerOf returns the owner of a patient of any scope, for explanations of who sees it, and when it was registered.
	// Errors: patients.ErrNotFound.
	OwnerOf(ctx context.Context, patient patients.ID) (owner uuid.UUID, since time.Time, err error)
}

// Restrictions stores from whom patients are hidden. Callers narrow them to a patient whom the caller may see.
type Restrictions interface {
	// Add stores a restriction. Errors: patients.ErrAlreadyRestricted.
	Add(ctx context.Context, restriction domain.Restriction) error

	// Count returns the number of the patient's restrictions. Errors: none.
	Count(ctx context.Context, patient patients.ID) (int, error)

	// OfPatient returns the patient's restrictions, oldest first. Errors: none.
	OfPatient(ctx context.Context, patient patients.ID) ([]domain.Restriction, error)

	// Remove deletes a restriction of the patient. Errors: patients.ErrNoRestriction.
	Remove(ctx context.Context, patient patients.ID, party uuid.UUID) error

	// RemoveOfParty deletes all restrictions for the party. Errors: none.
	RemoveOfParty(ctx context.Context, party uuid.UUID) error

	// RemoveOfPatients deletes the restrictions of the patients for the party, and returns their number. Errors: none.
	RemoveOfPatients(ctx context.Context, party uuid.UUID, ids []patients.ID) (int, error)

	// Restricted returns at most limit of the patients who are granted to the user of the scope, or kept by a colleague
	// of the scope, and hidden from the user. Errors: none.
	Restricted(ctx context.Context, scope patients.Scope, limit int) ([]patients.ID, error)
}

// Emergencies stores emergency accesses. They outlive the patient and the account of the user.
type Emergencies interface {
	// Open stores a new access to an existing patient of any owner, who is locked against removal until the transaction
	// in ctx ends. Errors: patients.ErrNotFound.
	Open(ctx context.Context, emergency domain.Emergency) error

	// OpenOf returns the accesses of the user that are open at that time. Errors: none.
	OpenOf(ctx context.Context, user uuid.UUID, at time.Time) ([]domain.Emergency, error)

	// OpenOfPatient returns the accesses to the patient that are open at that time, oldest first. Errors: none.
	OpenOfPatient(ctx context.Context, patient patients.ID, at time.Time) ([]domain.Emergency, error)

	// Find returns one access. Errors: patients.ErrNoEmergency.
	Find(ctx context.Context, id domain.EmergencyID) (domain.Emergency, error)

	// List returns a page of the accesses that match the filter. Errors: none.
	List(
		ctx context.Context, filter domain.EmergencyFilter, page paging.Request,
	) (paging.Page[domain.Emergency], error)

	// Change locks the access, applies rule to it and stores the result. Errors: patients.ErrNoEmergency, those of
	// rule.
	Change(
		ctx context.Context, id domain.EmergencyID, rule func(*domain.Emergency) error,
	) (domain.Emergency, error)
}

// StoredGrant is a grant as it is stored.
type StoredGrant struct {
	domain.Grant
	Outdated bool // the copies of the patient's name and times, which lists are ordered by, differ
}

// Corrections stores corrections. Callers narrow them to a patient whom the caller may see.
type Corrections interface {
	// Add stores a new correction. Errors: none.
	Add(ctx context.Context, correction domain.Correction) error

	// Find returns a correction of the patient. Errors: patients.ErrNoCorrection.
	Find(ctx context.Context, patient patients.ID, id domain.CorrectionID) (domain.Correction, error)

	// List returns a page of the patient's corrections. Errors: none.
	List(
		ctx context.Context, patient patients.ID, page paging.Request,
	) (paging.Page[domain.Correction], error)

	// CountPending returns the number of the patient's corrections that are not decided. Errors: none.
	CountPending(ctx context.Context, patient patients.ID) (int, error)

	// Change stores the decision of a correction. Errors: patients.ErrNoCorrection.
	Change(ctx context.Context, decided domain.Correction) error

	// Remove deletes a correction of the patient. Errors: patients.ErrNoCorrection.
	Remove(ctx context.Context, patient patients.ID, id domain.CorrectionID) error
}

// Invitations stores invitations. Callers narrow them to a patient whom the caller keeps, or to the MAC of a code.
type Invitations interface {
	// Add stores a new invitation. Errors: none.
	Add(ctx context.Context, invitation domain.Invitation) error

	// OfPatient returns the patient's invitations, also void and accepted ones. Errors: none.
	OfPatient(ctx context.Context, patient patients.ID) ([]domain.Invitation, error)

	// List returns a page of the patient's invitations. Errors: none.
	List(ctx context.Context, patient patients.ID, page paging.Request) (paging.Page[domain.Invitation], error)

	// Accepted returns up to limit accepted invitations after the id, in the order of their ids. They are locked
	// against changes and removal until the transaction in ctx ends. Errors: none.
	Accepted(ctx context.Context, after domain.InvitationID, limit int) ([]domain.Invitation, error)

	// FindByMAC returns the invitation whose code has one of the MACs, also if it cannot be accepted. Errors:
	// patients.ErrNoInvitation.
	FindByMAC(ctx context.Context, macs [][]byte) (domain.Invitation, error)

	// Attempt counts a failed claim, and locks the invitation until the transaction in ctx ends. It returns the
	// invitation with that failure. Errors: patients.ErrNoInvitation.
	Attempt(ctx context.Context, id domain.InvitationID) (domain.Invitation, error)

	// Accept stores who accepted the invitation, when, and the end of the grant. Errors: patients.ErrNoInvitation.
	Accept(ctx context.Context, accepted domain.Invitation) error

	// SetEnd stores another end of the grant of an accepted invitation. Errors: patients.ErrNoInvitation.
	SetEnd(ctx context.Context, accepted domain.Invitation) error

	// Remove deletes an invitation of the patient that is not accepted. Errors: patients.ErrNoInvitation.
	Remove(ctx context.Context, patient patients.ID, id domain.InvitationID) error

	// RemoveAccepted deletes accepted invitations. Errors: none.
	RemoveAccepted(ctx context.Context, ids []uuid.UUID) error

	// RemoveVoid deletes the patient's invitations that have expired by then, or their grants, and those with too many
	// failures. Errors: none.
	RemoveVoid(ctx context.Context, patient patients.ID, at time.Time) error
}
