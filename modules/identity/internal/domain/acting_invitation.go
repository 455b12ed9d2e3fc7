package domain

import (
	"errors"
	"strings"
	"time"

	"healthcare/modules/identity"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// ActingInvitationID identifies an invitation to act for a practice or a colleague.
type ActingInvitationID = recordid.Of[ActingInvitation]

// ParseActingInvitationID reads an id in its canonical form. Errors: identity.ErrNoInvitation.
func ParseActingInvitationID(s string) (ActingInvitationID, error) {
	return recordid.Parse[ActingInvitationID](s, identity.ErrNoInvitation)
}

// ActingInvitation lets the user who knows its code act for a practice or a colleague.
type ActingInvitation struct {
	ID        ActingInvitationID
	Capacity  identity.Capacity
	Until     time.Time // the end of the capacity; zero if it does not end
	MAC       []byte    // of the code
	InvitedBy identity.UserID
	CreatedAt time.Time
	ExpiresAt time.Time // of the code, exclusive
}

// InviteMember returns an invitation to become a member of a practice at a level, in any letter case. Errors:
// errs.Invalid.
func InviteMember(
	practice identity.PracticeID, level string, mac []byte, by identity.UserID, now, expires time.Time,
) (ActingInvitation, error) {
	allowed, err := ParseMemberLevel(level)
	return ActingInvitation{
		ID:       recordid.New[ActingInvitationID](),
		Capacity: identity.Capacity{ID: practice.UUID, Kind: "practice", Level: allowed},
		MAC:      mac, InvitedBy: by, CreatedAt: now, ExpiresAt: expires,
	}, err
}

// ParseMemberLevel reads the level of a member, in any letter case. Errors: errs.Invalid.
func ParseMemberLevel(s string) (identity.Level, error) {
	level, unknown := parseLevel(s, "read", "write", managing)
	return level, errs.Fields(map[string]error{"level": unknown})
}

func parseLevel(s string, allowed ...identity.Level) (identity.Level, error) {
	names := make([]string, len(allowed))
	for i, level := range allowed {
		if names[i] = string(level); strings.EqualFold(strings.TrimSpace(s), names[i]) {
			return level, nil
		}
	}
	return "", errors.New("Must be one of " + strings.Join(names, ", ") + ".")
}

// DeputyInput is a user's description of a deputy, not yet validated.
type DeputyInput struct {
	Level string // in any letter case
	Until string // RFC 3339
}

// maxDeputyship is the maximum time for which a user stands in for another.
const maxDeputyship = 90 * 24 * time.Hour

// InviteDeputy returns an invitation to stand in for a user. Its code expires with the deputyship at the latest.
// Errors: errs.Invalid.
func InviteDeputy(
	of identity.UserID, in DeputyInput, mac []byte, now, expires time.Time,
) (ActingInvitation, error) {
	level, unknown := parseLevel(in.Level, "read", "write")
	until, malformed := parseUntil(in.Until, now)
	if err := errs.Fields(map[string]error{"level": unknown, "until": malformed}); err != nil {
		return ActingInvitation{}, err
	}
	if until.Before(expires) {
		expires = until
	}
	return ActingInvitation{
		ID:       recordid.New[ActingInvitationID](),
		Capacity: identity.Capacity{ID: of.UUID, Kind: "deputy", Level: level},
		Until:    until, MAC: mac, InvitedBy: of, CreatedAt: now, ExpiresAt: expires,
	}, nil
}

func parseUntil(s string, now time.Time) (time.Time, error) {
	until, err := time.Parse(time.RFC3339, strings.TrimSpace(s))
	if err != nil {
		return time.Time{}, errors.New("Must be a time (RFC 3339), such as 2026-12-01T00:00:00Z.")
	}
	switch until = until.UTC().Truncate(time.Microsecond); {
	case !until.After(now):
		return time.Time{}, errors.New("Must be in the future.")
	case until.After(now.Add(maxDeputyship)):
		return time.Time{}, errors.New("Must be at most 90 days from now.")
	}
	return until, nil
}

// Open reports whether the code can be used.
func (i ActingInvitation) Open(now time.Time) bool { return now.Before(i.ExpiresAt) }

// Party returns for whom the user who accepts the invitation acts.
func (i ActingInvitation) Party(now time.Time) Party {
	return Party{Capacity: i.Capacity, Since: now, Until: i.Until}
}

// Colleague is a user at one end of a deputyship.
type Colleague struct {
	User  identity.UserID
	Name  string
	Level identity.Level
	Since time.Time
	Until time.Time
}

// CheckCode validates the form in which a code was sent. Errors: errs.Invalid.
func CheckCode(code string) error {
	if n := len([]rune(code)); strings.TrimSpace(code) == "" || n > 64 {
		return errs.Invalidf("code", "Must have 1 to 64 characters.")
	}
	return nil
}
