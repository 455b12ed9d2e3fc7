// Package domain has the rules about users and their sessions. It is pure: no store, no HTTP, no cryptography except
// hashing and randomness.
package domain

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/go-ozzo/ozzo-validation/v4/is"

	"healthcare/modules/identity"
	"healthcare/platform/errs"
	"healthcare/platform/fields"
	"healthcare/platform/recordid"
	"healthcare/platform/text"
)

// User is someone who can sign in.
type User struct {
	ID           identity.UserID
	Name         string
	Email        string // as registered
	Username     string
	PasswordHash string // PHC string
	Role         string
	Active       bool
	TokenVersion int // access tokens of another version are refused
	Version      int
	CreatedAt    time.Time
	UpdatedAt    time.Time

	SelfRegistered bool // the user registered the account; false for those that an administrator or operator added
}

// Registration is the input for a new user.
type Registration struct {
	Name     string // 1..255 characters
	Email    string // at most 254 characters
	Password string // at least 8 characters, at most 1,024 bytes
}

// Credentials are the input for signing in.
type Credentials struct {
	Email    string
	Password string
}

// PasswordChange is the input for changing the password.
type PasswordChange struct {
	Current string
	New     string // by the rules of Registration.Password
}

// Validate returns all fields that break a rule. It does not verify the current password. Errors: errs.Invalid.
func (c PasswordChange) Validate() error {
	return errs.Fields(validation.Errors{
		"current_password": validation.Validate(c.Current, notBlank),
		"new_password":     validation.Validate(c.New, notBlank, validation.By(passwordLength)),
	})
}

// Validate returns all fields that break a rule. Errors: errs.Invalid.
func (r Registration) Validate() error {
	return errs.Fields(validation.Errors{
		"name": nameRule(r.Name),
		"email": validation.Validate(strings.TrimSpace(r.Email), notBlank,
			validation.RuneLength(1, 254).Error("Must have at most 254 characters."),
			validation.By(allVisible), is.EmailFormat.Error("Must be an e-mail address.")),
		"password": validation.Validate(r.Password, notBlank, validation.By(passwordLength)),
	})
}

func nameRule(name string) error {
	return validation.Validate(strings.TrimSpace(name), validation.By(text.NotBlank), validation.By(sendable),
		validation.RuneLength(1, 255).Error("Must have at most 255 characters."))
}

var notBlank = validation.Required.Error(text.ErrBlank.Error())

// sendable rejects text that clients cannot send. The bodies of requests are UTF-8 without NUL; the command line is
// not.
func sendable(value any) error {
	if s := value.(string); !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return errors.New("Must be text in UTF-8, without NUL.")
	}
	return nil
}

func passwordLength(value any) error {
	password := value.(string)
	if err := sendable(password); err != nil {
		return err
	}
	if text.Blank(password) {
		return text.ErrBlank
	}
	if utf8.RuneCountInString(password) < 8 {
		return errors.New("Must have at least 8 characters.")
	}
	if len(password) > 1024 {
		return errors.New("Must have at most 1024 bytes.")
	}
	return nil
}

// Validate returns the missing fields. It does not verify the credentials. Errors: errs.Invalid.
func (c Credentials) Validate() error {
	return errs.Fields(validation.Errors{
		"email":    validation.Validate(strings.TrimSpace(c.Email), notBlank),
		"password": validation.Validate(c.Password, notBlank),
	})
}

// NewUser returns an active user for a valid registration, without a username.
func NewUser(r Registration, role, passwordHash string, now time.Time) User {
	return User{
		ID: recordid.New[identity.UserID](), Name: strings.TrimSpace(r.Name), Email: strings.TrimSpace(r.Email),
		PasswordHash: passwordHash, Role: role, Active: true, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
}

// Changes are the new values of a user's fields. A field that is nil keeps its value.
type Changes struct {
	Name   *string // 1..255 characters
	Role   *string // must be declared, which the use case checks
	Active *bool
}

// Validate returns all fields that break a rule. Errors: errs.Invalid.
func (c Changes) Validate() error {
	if c.Name == nil {
		return nil
	}
	return errs.Fields(validation.Errors{"name": nameRule(*c.Name)})
}

var applyChanges = fields.Patcher[User, Changes]()

// Amend makes valid changes. The version stays if nothing changes. A user who is disabled loses every access token at
// once.
func (u *User) Amend(c Changes, now time.Time) {
	before := *u
	applyChanges(u, c)
	u.Name = strings.TrimSpace(u.Name)
	if *u == before {
		return
	}
	if before.Active && !u.Active {
		u.TokenVersion++
	}
	u.Version++
	u.UpdatedAt = now
}

// amendable has the fields that Changes can change.
type amendable struct {
	Name   string
	Role   string
	Active bool
}

var (
	amendableOf = fields.Mapper[User, amendable]("ID", "Email", "Username", "PasswordHash", "TokenVersion", "Version",
		"CreatedAt", "UpdatedAt", "SelfRegistered")
	compare = fields.Comparer[amendable]()
)

// Differences returns the names of the fields that differ after Amend.
func Differences(before, after User) []string {
	return compare(amendableOf(before), amendableOf(after))
}

// SetPassword sets the hash of a new password.
func (u *User) SetPassword(hash string, now time.Time) {
	u.PasswordHash, u.UpdatedAt = hash, now
	u.Version++
}

// ResetPassword sets the hash of a password that an operator chose. The user loses every access token at once.
func (u *User) ResetPassword(hash string, now time.Time) {
	u.SetPassword(hash, now)
	u.TokenVersion++
}

// maxUsername leaves room for a suffix in the column's 150 characters.
const maxUsername = 140

// UsernameCandidate returns a username for an address: its local part, from the second attempt on with a random suffix,
// because two addresses may have the same local part.
func UsernameCandidate(email string, attempt int) string {
	local, _, _ := strings.Cut(LowerAddress(email), "@")
	if runes := []rune(local); len(runes) > maxUsername {
		local = string(runes[:maxUsername])
	}
	if attempt == 0 {
		return local
	}
	suffix := make([]byte, 4)
	_, _ = rand.Read(suffix) // never fails (crypto/rand)
	return local + "-" + hex.EncodeToString(suffix)
}
