package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	validation "github.com/go-ozzo/ozzo-validation/v4"

	"healthcare/modules/identity"
	"healthcare/platform/errs"
)

// The times for which tokens that are sent by e-mail are valid.
const (
	ResetLifetime        = 30 * time.Minute
	VerificationLifetime = 24 * time.Hour
)

// TokenLifetime returns the time for which a token is valid at most, 0 for an unknown purpose.
func TokenLifetime(purpose identity.Purpose) time.Duration {
	switch purpose {
	case identity.PasswordReset:
		return ResetLifetime
	case identity.EmailVerification:
		return VerificationLifetime
	}
	return 0
}

// TokenLives reports whether a token that expires then is valid now. A time further ahead than the lifetime is from
// before the clock went back, and might be as long as the clock was wrong.
func TokenLives(purpose identity.Purpose, expires, now time.Time) bool {
	return now.Before(expires) && !isAhead(expires, now.Add(TokenLifetime(purpose)))
}

// MailAllowance is the number of tokens that are sent to one mailbox: at most 5 in any hour.
var MailAllowance = Allowance{Burst: 3, Every: 30 * time.Minute}

// ErrTooManyMails rejects a network that has requested too many messages, or sent too many invalid tokens.
var ErrTooManyMails = errs.New(
	errs.Throttled, "too_many_requests_for_mail", "Too many requests from this network. Try again later.",
)

// MailState has what is stored about the tokens that are sent to a user by e-mail. The zero MailState is that of a user
// without a row.
type MailState struct {
	Address       string // the AddressDigest of the address that the other fields are about; "" without a row
	Resets        int64  // the generation of tokens that reset the password
	Verifications int64  // the generation of tokens that verify the address
	Verified      bool   // the user has proved to read the mailbox
}

// AddressDigest returns the SHA-256 of an address as it is stored, in hexadecimal.
func AddressDigest(email string) string {
	sum := sha256.Sum256([]byte(email))
	return hex.EncodeToString(sum[:])
}

// For returns the state that holds for the present address of the user. If the address has changed since the state was
// stored, no earlier token is valid and the address is not verified.
func (s MailState) For(email string) MailState {
	digest := AddressDigest(email)
	if s.Address != "" && s.Address != digest {
		s.Resets++
		s.Verifications++
		s.Verified = false
	}
	s.Address = digest
	return s
}

// Generation returns the generation of the valid tokens.
func (s MailState) Generation(purpose identity.Purpose) int64 {
	if purpose == identity.PasswordReset {
		return s.Resets
	}
	return s.Verifications
}

// Spend returns the state after a token was used, and all tokens of the purpose have become invalid. Whichever token a
// user has, the user reads the mailbox.
func (s MailState) Spend(purpose identity.Purpose) MailState {
	if purpose == identity.PasswordReset {
		s.Resets++
	} else {
		s.Verifications++
	}
	s.Verified = true
	return s
}

// PasswordReset is the input for setting a password with a token.
type PasswordReset struct {
	Token    string
	Password string // by the rules of Registration.Password
}

// Validate returns all fields that break a rule. It does not verify the token. Errors: errs.Invalid.
func (r PasswordReset) Validate() error {
	return errs.Fields(validation.Errors{
		"token":    validation.Validate(strings.TrimSpace(r.Token), notBlank),
		"password": validation.Validate(r.Password, notBlank, validation.By(passwordLength)),
	})
}

// CheckToken returns an error for a blank token. Errors: errs.Invalid.
func CheckToken(token string) error {
	return errs.Fields(validation.Errors{"token": validation.Validate(strings.TrimSpace(token), notBlank)})
}

// CheckAddress returns an error for a blank address. Errors: errs.Invalid.
func CheckAddress(email string) error {
	return errs.Fields(validation.Errors{"email": validation.Validate(strings.TrimSpace(email), notBlank)})
}
