package ports

import (
	"context"
	"errors"
	"time"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
)

// ErrStale is the error of MailStates.Save for a state that has changed since it was read.
var ErrStale = errors.New("the row has changed")

// MailStates stores the state of the tokens that are sent to users by e-mail.
type MailStates interface {
	// Find returns a user and the stored state, in one query; the zero state for a user without a row. It takes the
	// same statement for a user who does not exist. Errors: ErrNotFound.
	Find(ctx context.Context, id identity.UserID) (domain.User, domain.MailState, error)

	// Save stores the state of a user whose account is locked or new. Errors: ErrStale if the stored state is not
	// before.
	Save(ctx context.Context, id identity.UserID, before, after domain.MailState) error

	// EndResets makes the user's tokens that reset the password invalid. Errors: none.
	EndResets(ctx context.Context, user domain.User) error

	// FindContacts is identity.Contacts.FindContacts. Errors: none.
	FindContacts(ctx context.Context, users []identity.UserID) (map[identity.UserID]identity.Contact, error)

	// Administrators is identity.Contacts.Administrators. Errors: none.
	Administrators(ctx context.Context, limit int) ([]identity.UserID, error)
}

// MailClaims are the contents of a token that is sent by e-mail.
type MailClaims struct {
	User       identity.UserID
	Generation int64
	ExpiresAt  time.Time // in whole seconds
}

// MailTokens makes and verifies the tokens that are sent by e-mail. A token is bound to its purpose and to the user's
// present address, and one that resets the password also to the present password.
type MailTokens interface {
	// IssueMail returns the token for a user with these claims. Errors: none.
	IssueMail(purpose identity.Purpose, user domain.User, claims MailClaims) identity.TokenSecret

	// ReadMail returns the contents of a token, which VerifyMail has yet to verify; ok is false for a text of another
	// form.
	ReadMail(token string) (claims MailClaims, ok bool)

	// VerifyMail reports whether IssueMail has returned the token for the purpose and the user, as they are now. The
	// caller checks the generation and the time.
	VerifyMail(token string, purpose identity.Purpose, user domain.User) bool
}
