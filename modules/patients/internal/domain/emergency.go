package domain

import (
	"errors"
	"slices"
	"strings"
	"time"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// EmergencyID identifies an emergency access.
type EmergencyID = recordid.Of[Emergency]

// ParseEmergencyID reads an id in its canonical form. Errors: patients.ErrNoEmergency.
func ParseEmergencyID(s string) (EmergencyID, error) {
	return recordid.Parse[EmergencyID](s, patients.ErrNoEmergency)
}

// The bounds of emergency accesses.
const (
	MaxOpenEmergencies = 5 // of a user

	minMinutes, maxMinutes         = 15, 240
	minExplanation, maxExplanation = 10, 500 // characters
)

// emergencyReasons are the codes of reasons.
var emergencyReasons = []string{"emergency_treatment", "unresponsive_patient", "keeper_unreachable", "other"}

// Verdict is the result of a review.
type Verdict string

// The verdicts.
const (
	Justified   Verdict = "justified"
	Unjustified Verdict = "unjustified"
	Unclear     Verdict = "unclear"
)

// Emergency is a user's access to a patient in an emergency (45 CFR 164.312(a)(2)(ii)), for reading only, and its
// review.
type Emergency struct {
	ID          EmergencyID
	PatientID   patients.ID
	UserID      uuid.UUID
	Reason      string // a code
	Explanation string // 10..500 characters
	OpenedAt    time.Time
	Until       time.Time // exclusive
	EndedAt     time.Time // zero: not ended before Until
	Verdict     Verdict   // "": not reviewed
	Note        string    // of the review, at most 1,000 characters
	ReviewedBy  uuid.UUID // zero: not reviewed
	ReviewedAt  time.Time
	Version     int // starts at 1 and is incremented by the end and the review
}

// EmergencyInput is a user's request for an emergency access, not yet validated.
type EmergencyInput struct {
	Patient     patients.ID
	Reason      string // in any letter case
	Explanation string
	Minutes     int
	Password    string
}

// OpenEmergency returns an emergency access of the user. Errors: errs.Invalid.
func OpenEmergency(in EmergencyInput, user uuid.UUID, now time.Time) (Emergency, error) {
	reason, explanation := strings.ToLower(strings.TrimSpace(in.Reason)), strings.TrimSpace(in.Explanation)
	var unknown error
	if !slices.Contains(emergencyReasons, reason) {
		unknown = errors.New("Must be one of " + strings.Join(emergencyReasons, ", ") + ".")
	}
	err := errs.Fields(map[string]error{
		"reason": unknown,
		"explanation": validation.Validate(explanation, notBlank,
			validation.RuneLength(minExplanation, maxExplanation).Error("Must have 10 to 500 characters.")),
		"minutes":  checkMinutes(in.Minutes),
		"password": validation.Validate(in.Password, notBlank),
	})
	if err != nil {
		return Emergency{}, err
	}
	return Emergency{
		ID: recordid.New[EmergencyID](), PatientID: in.Patient, UserID: user, Reason: reason, Explanation: explanation,
		OpenedAt: now, Until: now.Add(time.Duration(in.Minutes) * time.Minute), Version: 1,
	}, nil
}

func checkMinutes(minutes int) error {
	if minutes < minMinutes || minutes > maxMinutes {
		return errors.New("Must be between 15 and 240.")
	}
	return nil
}

// Access returns the reason for which the user may read the patient.
func (e Emergency) Access() patients.Reason {
	return patients.Reason{Basis: "emergency", Grant: e.ID.UUID, For: e.UserID}
}

// IsOpen reports whether the user has access at a time.
func (e Emergency) IsOpen(now time.Time) bool { return e.EndedAt.IsZero() && now.Before(e.Until) }

// End ends the access before its time. It changes nothing if the access has ended.
func (e *Emergency) End(now time.Time) {
	if e.IsOpen(now) {
		e.EndedAt, e.Version = now, e.Version+1
	}
}

// Review is a privacy officer's verdict, not yet validated.
type Review struct {
	Verdict string // in any letter case
	Note    string
}

// Validate checks the review without the access. Errors: errs.Invalid.
func (r Review) Validate() error {
	var unknown error
	if !slices.Contains([]Verdict{Justified, Unjustified, Unclear}, r.verdict()) {
		unknown = errors.New("Must be one of justified, unjustified, unclear.")
	}
	note := strings.TrimSpace(r.Note)
	checks := map[string]error{"verdict": unknown, "note": validation.Validate(note, atMost1000)}
	if note == "" && unknown == nil && r.verdict() != Justified {
		checks["note"] = errors.New("Required unless the access was justified.")
	}
	return errs.Fields(checks)
}

func (r Review) verdict() Verdict { return Verdict(strings.ToLower(strings.TrimSpace(r.Verdict))) }

// Review stores the verdict of the user by. Errors: patients.ErrOwnEmergency, patients.ErrAlreadyReviewed.
func (e *Emergency) Review(r Review, by uuid.UUID, now time.Time) error {
	if by == e.UserID {
		return patients.ErrOwnEmergency
	}
	if e.Verdict != "" {
		return patients.ErrAlreadyReviewed
	}
	e.Verdict, e.Note, e.ReviewedBy, e.ReviewedAt = r.verdict(), strings.TrimSpace(r.Note), by, now
	e.Version++
	return nil
}

// EmergencyFilter narrows a list of emergency accesses.
type EmergencyFilter struct {
	User     *uuid.UUID // who opened them
	Patient  *patients.ID
	Reviewed *bool
}
