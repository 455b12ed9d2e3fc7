package domain

import (
	"slices"
	"strings"
	"time"

	validation "github.com/go-ozzo/ozzo-validation/v4"

	"healthcare/modules/identity"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// Practice is a group of users with whom patients can be shared. It has no power over any user.
type Practice struct {
	ID        identity.PracticeID
	Name      string // 1..255 characters
	CreatedAt time.Time
}

// NewPractice returns a practice without members. Errors: errs.Invalid.
func NewPractice(name string, now time.Time) (Practice, error) {
	p := Practice{ID: recordid.New[identity.PracticeID](), CreatedAt: now}
	err := p.Rename(name)
	return p, err
}

// Rename changes the name. Errors: errs.Invalid.
func (p *Practice) Rename(name string) error {
	p.Name = strings.TrimSpace(name)
	return errs.Fields(validation.Errors{"name": nameRule(name)})
}

// Member is a user who acts for a practice.
type Member struct {
	User   identity.UserID
	Name   string
	Level  identity.Level
	Since  time.Time
	Active bool // the user may sign in
}

// Members are all members of a practice.
type Members []Member

// Find returns the member who is the user.
func (m Members) Find(user identity.UserID) (Member, bool) {
	i := slices.IndexFunc(m, func(one Member) bool { return one.User == user })
	if i < 0 {
		return Member{}, false
	}
	return m[i], true
}

// Manages reports whether the user is a manager who may sign in.
func (m Members) Manages(user identity.UserID) bool {
	one, found := m.Find(user)
	return found && one.isManager()
}

func (m Member) isManager() bool { return m.Active && m.Level == managing }

// managing is the level of managers.
const managing identity.Level = "keep"

// CheckWithout returns an error if the user is a manager, and other members would be left without one. Errors:
// identity.ErrLastManager.
func (m Members) CheckWithout(user identity.UserID) error {
	one, found := m.Find(user)
	others := slices.ContainsFunc(m, func(other Member) bool { return other.User != user })
	managed := slices.ContainsFunc(m, func(other Member) bool { return other.User != user && other.isManager() })
	if found && one.Level == managing && others && !managed {
		return identity.ErrLastManager
	}
	return nil
}

// CheckRoom returns an error if the user is a member, or the practice has no room for another one. Errors:
// identity.ErrAlreadyMember, identity.ErrTooManyMembers.
func (m Members) CheckRoom(user identity.UserID) error {
	if _, found := m.Find(user); found {
		return identity.ErrAlreadyMember
	}
	if len(m) >= identity.MaxMembers {
		return identity.ErrTooManyMembers
	}
	return nil
}
