// Package patients is the public package of the patients module. A patient is owned by one user, and visible to those
// to whom it is granted and to no other. The types, interfaces and events that other modules use are here; everything
// else is internal.
package patients

import (
	"context"
	"slices"
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

// Reason is why a user may see a patient, with the basis keep, care, practice, share, deputy, self, delegate or
// emergency.
type Reason = auth.Reason

// purposes are the purposes of use (HL7 v3 PurposeOfUse) of the bases: treatment, request of the patient and of the
// family, and break-the-glass.
var purposes = map[string]string{
	"keep": "TREAT", "care": "TREAT", "practice": "TREAT", "share": "TREAT", "deputy": "TREAT",
	"self": "PATRQT", "delegate": "FAMRQT", "emergency": "BTG",
}

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
// patients that one user owns. For a user who acts for others, it also has those granted to the others and those that
// colleagues own, at a certain level and time, except those that are restricted for one of the parties. The zero Scope
// is empty.
type Scope struct {
	owner      uuid.UUID
	capacities []auth.Capacity // that allow the level; nil for most users
	parties    []uuid.UUID     // the user and all for whom the user acts, also those that do not allow the level
	level      Level
	at         time.Time
	listed     bool // without patients of emergency accesses
}

// OwnedBy returns the scope of the patients that the user owns.
func OwnedBy(user uuid.UUID) Scope { return Scope{owner: user} }

// VisibleTo returns the scope of the patients that a user may read at a time.
func VisibleTo(who auth.Principal, at time.Time) Scope { return atLeast(Read, who, at) }

// VisitedBy returns the scope of the patients of these owners, without those that are hidden from the user at the time.
// A doctor sees the name of everybody who has an appointment, also without a grant: the caller looks up only patients
// who have one with a doctor for whom the user acts.
func VisitedBy(who auth.Principal, owners []uuid.UUID, at time.Time) Scope {
	with := auth.Principal{UserID: who.UserID, For: slices.Clone(who.For)}
	for _, owner := range owners {
		if owner != who.UserID && !who.ActsFor(owner) {
			with.For = append(with.For, auth.Capacity{ID: owner, Kind: auth.AsDeputy, Level: Read})
		}
	}
	scope := VisibleTo(with, at).WithoutEmergencies()
	scope.parties = atLeast(Read, who, at).parties
	return scope
}

// ChangeableBy returns the scope of the patients whose details a user may change at a time.
func ChangeableBy(who auth.Principal, at time.Time) Scope { return atLeast(Write, who, at) }

// KeptBy returns the scope of the patients that a user keeps at a time: as the owner, or as a manager of a practice.
func KeptBy(who auth.Principal, at time.Time) Scope { return atLeast(Keep, who, at) }

func atLeast(level Level, who auth.Principal, at time.Time) Scope {
	scope := OwnedBy(who.UserID)
	for _, capacity := range who.For {
		switch capacity.Kind {
		case auth.AsDoctor, auth.AsSelf:
			if capacity.Level = Write; level == Keep { // nobody keeps a patient as a doctor or by a grant to the user
				continue
			}
		case auth.AsPractice, auth.AsDeputy:
			if !capacity.Level.Includes(level) || capacity.Kind == auth.AsDeputy && level == Keep {
				continue
			}
		default:
			continue
		}
		scope.capacities = append(scope.capacities, capacity)
	}
	if scope.capacities != nil {
		scope.level, scope.at, scope.parties = level, at, []uuid.UUID{who.UserID}
		for _, capacity := range who.For {
			if capacity.ID != who.UserID {
				scope.parties = append(scope.parties, capacity.ID)
			}
		}
	}
	return scope
}

// Owner returns the user who owns patients of the scope.
func (s Scope) Owner() uuid.UUID { return s.owner }

// Shared reports whether patients of other owners may be in the scope.
func (s Scope) Shared() bool { return s.capacities != nil }

// Colleagues returns the other owners whose patients are in the scope, because the user stands in for them.
func (s Scope) Colleagues() []uuid.UUID {
	return s.partiesOf(func(c auth.Capacity) bool { return c.Kind == auth.AsDeputy })
}

// Grants returns the grantees whose patients are in the scope beside the owner's, the levels of the grants that count,
// and the time at which they must not have expired.
func (s Scope) Grants() (grantees []uuid.UUID, levels []Level, at time.Time) {
	grantees = s.partiesOf(func(c auth.Capacity) bool { return c.Kind != auth.AsDeputy })
	return grantees, s.level.AndAbove(), s.at
}

// Doctors returns the doctors for whom the user acts.
func (s Scope) Doctors() []uuid.UUID {
	return s.partiesOf(func(c auth.Capacity) bool { return c.Kind == auth.AsDoctor })
}

func (s Scope) partiesOf(wanted func(auth.Capacity) bool) (ids []uuid.UUID) {
	for _, c := range s.capacities {
		if wanted(c) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// Parties returns the user and all for whom the user acts. A patient who is restricted for one of them is in the scope
// for its owner only. It is nil if the scope is not Shared.
func (s Scope) Parties() []uuid.UUID { return s.parties }

// InEmergencies reports whether patients may be in the scope because the user has opened an emergency access. Lists do
// not have these.
func (s Scope) InEmergencies() bool {
	asSelf := func(c auth.Capacity) bool { return c.Kind == auth.AsSelf }
	return s.level == Read && !s.listed && slices.ContainsFunc(s.capacities, asSelf)
}

// WithoutEmergencies returns the scope without the patients of emergency accesses.
func (s Scope) WithoutEmergencies() Scope {
	s.listed = true
	return s
}

// LevelOf returns the level at which the user may use a grant of a level to a party, or, as a deputy, the patients of
// the party.
func (s Scope) LevelOf(party uuid.UUID, level Level) Level {
	for _, c := range s.capacities {
		if c.ID == party && level.Includes(c.Level) {
			return c.Level
		}
	}
	return level
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

	// Exceptions returns the patients in whom a list by owners and doctors differs from what the user sees at a time,
	// in at most two queries. Errors: none of its own.
	Exceptions(ctx context.Context, who auth.Principal, at time.Time) (Exceptions, error)
}

// Contact is how a patient is reached.
type Contact struct {
	Email   string    // of the record; "": none
	Account uuid.UUID // the account of the patient; zero: none
	Keeper  uuid.UUID // the user who keeps the patient
}

// Contacts finds the addresses of patients for the module notifications, which alone uses it: whoever may see them, and
// when a message is sent.
type Contacts interface {
	// FindContact returns how a patient is reached, in one query. Errors: ErrNotFound.
	FindContact(ctx context.Context, id ID) (Contact, error)
}

// Exceptions are patients in whom a list by owners and doctors differs from what a user sees.
type Exceptions struct {
	Represented []ID // by the user, as the patient or as a delegate: at most MaxRepresented
	Restricted  []ID // granted to the user, or kept by a colleague, and hidden from the user: at most MaxRestricted
}

// MaxRestricted is the maximum number of restricted patients that Exceptions has.
const MaxRestricted = 1000

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

// Claimed is published in the transaction in which a user accepts an invitation, or opens an emergency access, after it
// was stored.
type Claimed struct {
	ID         ID
	User       uuid.UUID
	By         auth.Principal
	Represents bool   // the user is the patient, or a delegate
	Basis      string // of the grant, as in Reason
	// KeepsNone reports whether the user keeps no patients. It may be nil unless Represents. A subscriber locks the
	// account first, because a transfer to the user may be about to commit. Errors: none.
	KeepsNone func(context.Context) (bool, error)
}

// Config is set by the operator.
type Config struct {
	MaxPerUser       int  // 0: no limit
	PatientSeesNotes bool // patients and their delegates see the notes

	EmergencyAccess string // who may open an emergency access: doctors, staff (and doctors), or off
}

// PrivacyRole is the role of users who review emergency accesses, and explain who sees which patient and why.
const PrivacyRole auth.Role = "privacy"

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
	ErrNoRestriction     = errs.New(errs.NotFound, "not_found", "No such restriction.")
	ErrAlreadyRestricted = errs.New(
		errs.Conflict, "already_restricted", "The patient is already hidden from this doctor or user.",
	)
	ErrTooManyRestrictions = errs.New(
		errs.Conflict, "too_many_restrictions", "This patient has the maximum number of restrictions.",
	)
	ErrKeeperNeeded = errs.New(
		errs.Conflict, "keeper_needed", "The patient cannot be hidden from the user who keeps it.",
	)
	ErrRepresentative = errs.New(
		errs.Conflict, "representative",
		"The patient cannot be hidden from the patient or a delegate. End the access instead.",
	)
	ErrUserNotFound   = errs.New(errs.NotFound, "not_found", "No such user.")
	ErrNoEmergency    = errs.New(errs.NotFound, "not_found", "No such emergency access.")
	ErrAlreadyVisible = errs.New(
		errs.Conflict, "already_visible", "You can read this patient already.",
	)
	ErrTooManyEmergencies = errs.New(
		errs.Conflict, "too_many_emergencies", "You have the maximum number of open emergency accesses.",
	)
	ErrNoPrivacyOfficer = errs.New(
		errs.Conflict, "no_privacy_officer", "No account has the role privacy, which reviews these accesses.",
	)
	ErrOwnEmergency = errs.New(
		errs.Forbidden, "own_access", "Another privacy officer must review an access that you have opened.",
	)
	ErrAlreadyReviewed    = errs.New(errs.Conflict, "already_reviewed", "This emergency access has been reviewed.")
	ErrNoCorrection       = errs.New(errs.NotFound, "not_found", "No such correction.")
	ErrTooManyCorrections = errs.New(
		errs.Conflict, "too_many_corrections", "This patient has the maximum number of pending corrections.",
	)
	ErrAlreadyDecided = errs.New(errs.Conflict, "already_decided", "This correction has been decided.")
	ErrKeepsPatients  = errs.New(
		errs.Conflict, "keeps_patients", "This account keeps patients. Transfer them to another user first.",
	)
	ErrColleagueOnly = errs.New(
		errs.Conflict, "colleague_only", "Patients can be shared with staff, doctors and administrators only.",
	)
	ErrPatientOnly = errs.New(
		errs.Forbidden, "patient_only", "Only the patient, delegates and the user who keeps the patient may do this.",
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
