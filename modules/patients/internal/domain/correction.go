package domain

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// CorrectionID identifies a correction.
type CorrectionID = recordid.Of[Correction]

// ParseCorrectionID reads an id in its canonical form. Errors: patients.ErrNoCorrection.
func ParseCorrectionID(s string) (CorrectionID, error) {
	return recordid.Parse[CorrectionID](s, patients.ErrNoCorrection)
}

// MaxPendingCorrections is the maximum number of corrections of a patient that are not decided.
const MaxPendingCorrections = 20

const answerDays = 60 // 45 CFR 164.526(b)(2)

// CorrectionState is the state of a correction.
type CorrectionState string

// The states. A correction is decided once.
const (
	Pending  CorrectionState = "pending"
	Accepted CorrectionState = "accepted"
	Declined CorrectionState = "declined"
)

// Correction is a request by a patient or a delegate to change a field of the patient (45 CFR 164.526), and its
// decision.
type Correction struct {
	ID        CorrectionID
	PatientID patients.ID
	Field     string // the name of a field of Details, such as birth_date
	Value     string // of the field, as Changes have it; an age in decimal digits; empty clears the field
	Because   string // 1..1,000 characters
	AskedBy   uuid.UUID
	AskedAt   time.Time
	State     CorrectionState
	Note      string    // of the decision; at most 1,000 characters
	DecidedBy uuid.UUID // zero while pending
	DecidedAt time.Time // zero while pending
	Version   int       // starts at 1 and is incremented by the decision
}

// CorrectionInput is a description of a correction, not yet validated.
type CorrectionInput struct {
	Field   string // in any letter case
	Value   string
	Because string
}

// Validate checks the rules that need no patient. Notes can be corrected only if patients see them. Errors:
// errs.Invalid.
func (in CorrectionInput) Validate(showsNotes bool) error { return errs.Fields(in.checks(showsNotes)) }

func (in CorrectionInput) checks(showsNotes bool) validation.Errors {
	return validation.Errors{
		"field":   correctable(in.field(), showsNotes),
		"value":   validation.Validate(in.Value, atMost10000),
		"because": validation.Validate(strings.TrimSpace(in.Because), notBlank, atMost1000),
	}
}

func (in CorrectionInput) field() string { return strings.ToLower(strings.TrimSpace(in.Field)) }

// Ask returns a correction of the patient for the user by. A value that cannot be accepted now is rejected, under the
// rules of Amend. Errors: errs.Invalid.
func (p Patient) Ask(
	in CorrectionInput, by uuid.UUID, showsNotes bool, now time.Time, calendar Calendar,
) (Correction, error) {
	checks := in.checks(showsNotes)
	correction := Correction{
		ID: recordid.New[CorrectionID](), PatientID: p.ID, Field: in.field(), Value: strings.TrimSpace(in.Value),
		Because: strings.TrimSpace(in.Because), AskedBy: by, AskedAt: now, State: Pending, Version: 1,
	}
	if checks["field"] == nil && checks["value"] == nil {
		checks["value"] = correction.Apply(&p, now, calendar)
		if e, ok := errors.AsType[*errs.Error](checks["value"]); ok {
			checks["value"] = errors.New(messagesOf(e))
		}
	}
	if err := errs.Fields(checks); err != nil {
		return Correction{}, err
	}
	return correction, nil
}

// messagesOf returns the messages about all fields.
func messagesOf(e *errs.Error) string {
	var all []string
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		all = append(all, e.Fields[field]...)
	}
	return strings.Join(all, " ")
}

// Apply amends the patient. Errors: errs.Invalid, also if the patient was changed so that the value is no longer valid.
func (c Correction) Apply(p *Patient, now time.Time, calendar Calendar) error {
	changes, err := c.changes()
	if err != nil {
		return err
	}
	return p.Amend(changes, now, calendar)
}

// changes returns the change of the field. Errors: errs.Invalid.
func (c Correction) changes() (changes Changes, err error) {
	if c.Field != "age" {
		*textsOf(&changes)[c.Field] = &c.Value
		return changes, nil
	}
	if changes.AgeUnknown = c.Value == ""; changes.AgeUnknown {
		return changes, nil
	}
	age, err := strconv.Atoi(c.Value)
	if err != nil {
		return changes, errs.Invalidf("age", "Must be a whole number.")
	}
	changes.Age = &age
	return changes, nil
}

// textsOf returns the texts of the changes by the names of their fields.
func textsOf(c *Changes) map[string]**string {
	return map[string]**string{
		"name": &c.Name, "gender": &c.Gender, "birth_date": &c.BirthDate, "email": &c.Email, "phone": &c.Phone,
		"address": &c.Address, "medical_record_number": &c.MedicalRecordNumber, "notes": &c.Notes,
	}
}

// correctable returns an error for a field that a patient does not see.
func correctable(field string, showsNotes bool) error {
	all := append(slices.Collect(maps.Keys(textsOf(new(Changes)))), "age")
	if slices.Sort(all); !showsNotes {
		all = slices.DeleteFunc(all, func(name string) bool { return name == "notes" })
	}
	if !slices.Contains(all, field) {
		return errors.New("Must be one of " + strings.Join(all, ", ") + ".")
	}
	return nil
}

// AnswerBy returns the time by which the correction must be decided.
func (c Correction) AnswerBy() time.Time { return c.AskedAt.AddDate(0, 0, answerDays) }

// Decision is a keeper's decision of a correction, not yet validated.
type Decision struct {
	Decision string // accepted or declined, in any letter case
	Note     string // required to decline
}

// Validate checks the fields. Errors: errs.Invalid.
func (d Decision) Validate() error {
	var unknown, note error
	switch d.state() {
	case Accepted:
	case Declined:
		note = notBlank.Validate(d.Note)
	default:
		unknown = errors.New("Must be one of accepted, declined.")
	}
	if note == nil {
		note = validation.Validate(strings.TrimSpace(d.Note), atMost1000)
	}
	return errs.Fields(map[string]error{"decision": unknown, "note": note})
}

func (d Decision) state() CorrectionState {
	return CorrectionState(strings.ToLower(strings.TrimSpace(d.Decision)))
}

// Decide decides the correction. Errors: errs.Invalid, patients.ErrAlreadyDecided.
func (c *Correction) Decide(d Decision, by uuid.UUID, now time.Time) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if c.State != Pending {
		return patients.ErrAlreadyDecided
	}
	c.State, c.Note, c.DecidedBy, c.DecidedAt = d.state(), strings.TrimSpace(d.Note), by, now
	c.Version++
	return nil
}

// CheckWithdrawnBy returns an error if the user may not withdraw the correction. Errors: patients.ErrNotRequester,
// patients.ErrAlreadyDecided.
func (c Correction) CheckWithdrawnBy(user uuid.UUID) error {
	switch {
	case c.AskedBy != user:
		return patients.ErrNotRequester
	case c.State != Pending:
		return patients.ErrAlreadyDecided
	}
	return nil
}
