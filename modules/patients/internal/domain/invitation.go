package domain

import (
	"errors"
	"strings"
	"time"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// InvitationID identifies an invitation, and the grant of the user who accepted it.
type InvitationID = recordid.Of[Invitation]

// ParseInvitationID reads an id in its canonical form. Errors: patients.ErrNoInvitation.
func ParseInvitationID(s string) (InvitationID, error) {
	return recordid.Parse[InvitationID](s, patients.ErrNoInvitation)
}

// ParseGrantID reads the id of a grant in its canonical form. Errors: patients.ErrNoGrant.
func ParseGrantID(s string) (InvitationID, error) {
	return recordid.Parse[InvitationID](s, patients.ErrNoGrant)
}

// MaxInvitations is the maximum number of open invitations of a patient.
const MaxInvitations = 10

// MaxAccepted is the maximum number of accepted invitations of a patient whose grants have not ended.
const MaxAccepted = 50

// MaxFailures is the number of claims with a wrong birth date after which an invitation is void.
const MaxFailures = 3

const majorityAge = 18 // years

// Invitation lets the user who knows its code see a patient. An accepted one is the source of its grant, until the
// grant ends.
type Invitation struct {
	ID        InvitationID
	PatientID patients.ID
	MAC       []byte // of the code
	As        Basis  // Self, Delegate or Share
	Level     patients.Level
	Until     time.Time // the end that the keeper chose; zero: none
	InvitedBy uuid.UUID
	CreatedAt time.Time
	ExpiresAt time.Time // of the code, exclusive
	Failures  int       // claims with a wrong birth date

	AcceptedBy uuid.UUID // zero: not accepted
	AcceptedAt time.Time
	EndsAt     time.Time // of the grant of an accepted one; zero: never
}

// InvitationInput is a keeper's description of an invitation, not yet validated.
type InvitationInput struct {
	As    string  // self, delegate or colleague, in any letter case
	Level *string // of a colleague: read or write, in any letter case; nil: read
	Until *string // RFC 3339; nil: no end
}

// Invite returns an invitation to see the patient, with a code that can be used before expires. Errors: errs.Invalid.
func Invite(
	patient patients.ID, in InvitationInput, mac []byte, by uuid.UUID, now, expires time.Time,
) (Invitation, error) {
	as, known := invited[strings.ToLower(strings.TrimSpace(in.As))]
	until, malformed := parseEnd(in.Until, now)
	var unknown error
	if !known {
		unknown = errors.New("Must be one of self, delegate, colleague.")
	}
	level, unsuitable := levelOf(in.Level, as)
	if err := errs.Fields(map[string]error{"as": unknown, "level": unsuitable, "until": malformed}); err != nil {
		return Invitation{}, err
	}
	if !until.IsZero() && until.Before(expires) {
		expires = until
	}
	return Invitation{
		ID: recordid.New[InvitationID](), PatientID: patient, MAC: mac, As: as, Level: level, Until: until,
		InvitedBy: by, CreatedAt: now, ExpiresAt: expires,
	}, nil
}

// invited are the bases of the grants that can be offered by their names in the contract.
var invited = map[string]Basis{"self": Self, "delegate": Delegate, "colleague": Share}

// InvitedAs returns the name of the basis in the contract.
func (b Basis) InvitedAs() string {
	if b == Share {
		return "colleague"
	}
	return string(b)
}

// levelOf returns the level of an invitation. That of a person is patients.Read.
func levelOf(s *string, as Basis) (patients.Level, error) {
	if s == nil {
		return patients.Read, nil
	}
	level := patients.Level(strings.ToLower(strings.TrimSpace(*s)))
	if level != patients.Read && level != patients.Write {
		return "", errors.New("Must be one of read, write.")
	}
	if level == patients.Write && as != Share {
		return "", errors.New("Only a colleague can be given the level write.")
	}
	return level, nil
}

func parseEnd(s *string, now time.Time) (time.Time, error) {
	if s == nil {
		return time.Time{}, nil
	}
	until, err := time.Parse(time.RFC3339, strings.TrimSpace(*s))
	if err != nil || until.UTC().Year() > 9999 {
		return time.Time{}, errors.New("Must be a time (RFC 3339), such as 2026-12-01T00:00:00Z.")
	}
	if until = until.UTC().Truncate(time.Microsecond); !until.After(now) {
		return time.Time{}, errors.New("Must be in the future.")
	}
	return until, nil
}

// InvitationState is what has become of an invitation.
type InvitationState string

// The states of invitations.
const (
	InvitationOpen     InvitationState = "open"     // can be accepted
	InvitationAccepted InvitationState = "accepted" // its grant has not ended
	InvitationExpired  InvitationState = "expired"  // or has too many failures
)

// State returns the state at a time.
func (i Invitation) State(now time.Time) InvitationState {
	switch {
	case i.AcceptedBy != uuid.Nil && (i.EndsAt.IsZero() || now.Before(i.EndsAt)):
		return InvitationAccepted
	case i.AcceptedBy == uuid.Nil && now.Before(i.ExpiresAt) && i.Failures < MaxFailures:
		return InvitationOpen
	}
	return InvitationExpired
}

// CheckBeside returns an error unless the patient may have the invitation beside all others. Errors:
// patients.ErrAlreadyClaimed, patients.ErrTooManyInvitations, patients.ErrTooManyGrants.
func (i Invitation) CheckBeside(all []Invitation, now time.Time) error {
	count := map[InvitationState]int{}
	for _, other := range all {
		state := other.State(now)
		if i.As == Self && other.As == Self && state == InvitationAccepted {
			return patients.ErrAlreadyClaimed
		}
		count[state]++
	}
	switch {
	case count[InvitationOpen] >= MaxInvitations:
		return patients.ErrTooManyInvitations
	case count[InvitationAccepted] >= MaxAccepted:
		return patients.ErrTooManyGrants
	}
	return nil
}

// Accept returns the invitation accepted by the user who knows the code and the patient's birth date. Where only the
// age is known, born is ignored, as for a colleague. The access of a child's delegate ends with the 18th birthday in
// zone at the latest. Errors: patients.ErrAlreadyKept for the user who keeps the patient, patients.ErrNoInvitation for
// a wrong birth date.
func (i Invitation) Accept(
	p Patient, user uuid.UUID, born Date, now time.Time, zone *time.Location,
) (Invitation, error) {
	if user == p.OwnerID {
		return Invitation{}, patients.ErrAlreadyKept
	}
	if i.As != Share && p.Details.BirthDate != (Date{}) && born != p.Details.BirthDate {
		return Invitation{}, patients.ErrNoInvitation
	}
	i.AcceptedBy, i.AcceptedAt, i.EndsAt = user, now, i.Until
	if adult, child := p.Details.majority(now, zone); child && i.As == Delegate {
		i.EndsAt = earlier(i.Until, adult)
	}
	return i, nil
}

// Aged returns an accepted invitation of a delegate after the birth date or the age of the patient was changed: it ends
// with the 18th birthday of a child, or earlier if the keeper chose so, and has ended if a child turns out to be an
// adult.
func (i Invitation) Aged(before, after Details, now time.Time, zone *time.Location) Invitation {
	_, wasChild := before.majority(now, zone)
	if adult, child := after.majority(now, zone); child {
		i.EndsAt = earlier(i.Until, adult)
	} else if wasChild {
		i.EndsAt = now
	}
	return i
}

// earlier returns the earlier end. The zero time is no end.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// majority returns when a child is 18 years old at the latest, and whether the patient is a child now. Of a patient of
// whom only the age is known, that is as many years from now as are missing.
func (d Details) majority(now time.Time, zone *time.Location) (at time.Time, child bool) {
	if d.BirthDate != (Date{}) {
		at = d.BirthDate.birthday(majorityAge, zone)
		return at, now.Before(at)
	}
	return now.AddDate(majorityAge-d.Age, 0, 0), d.Age < majorityAge
}

// End returns the end of the grant, which the keeper chose for one that is not accepted; zero: never.
func (i Invitation) End() time.Time {
	if i.AcceptedBy == uuid.Nil {
		return i.Until
	}
	return i.EndsAt
}

// Grant returns the grant of an accepted invitation.
func (i Invitation) Grant() Grant {
	return Grant{
		PatientID: i.PatientID, GranteeID: i.AcceptedBy, Basis: i.As, SourceID: i.ID.UUID, Level: i.Level,
		GrantedBy: i.InvitedBy, GrantedAt: i.AcceptedAt, ExpiresAt: i.EndsAt,
	}
}

// birthday returns the first instant in zone of the day on which a person born on d becomes this many years old.
func (d Date) birthday(years int, zone *time.Location) time.Time {
	// 29 February of a common year is 1 March, as in YearsUntil.
	day := time.Date(d.year+years, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC)
	start := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone)
	if start.Day() != day.Day() { // clocks skip midnight
		_, start = start.ZoneBounds()
	}
	return start.UTC()
}

// ClaimInput is a user's proof of being the invited person.
type ClaimInput struct {
	Code      string
	BirthDate *string // YYYY-MM-DD; nil: not given
}

// Validate checks the fields without the invitation. Errors: errs.Invalid.
func (in ClaimInput) Validate() error {
	checks := map[string]error{"code": validation.Validate(in.Code, notBlank, atMost64)}
	if in.BirthDate != nil {
		checks["birth_date"] = validation.Validate(strings.TrimSpace(*in.BirthDate), notBlank, isoDate)
	}
	return errs.Fields(checks)
}

// CheckComplete returns an error if the invitation needs a birth date and the input has none. Errors: errs.Invalid.
func (in ClaimInput) CheckComplete(i Invitation) error {
	if in.BirthDate == nil && i.As != Share {
		return errs.Invalidf("birth_date", "Required, unless a colleague shares the patient with you.")
	}
	return nil
}

// Born returns the birth date of a valid input, or zero.
func (in ClaimInput) Born() Date {
	if in.BirthDate == nil {
		return Date{}
	}
	born, _ := ParseDate(strings.TrimSpace(*in.BirthDate))
	return born
}
