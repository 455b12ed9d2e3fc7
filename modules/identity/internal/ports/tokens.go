package ports

import (
	"github.com/google/uuid"

	"healthcare/modules/identity"
)

// Claims are the contents of an access token: the user, the session, and the user's token version when it was issued.
// They hold no personal data.
type Claims struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
	Version   int // the user's token version, >= 0; tokens of earlier versions are invalid
}

// Tokens issues and verifies tokens.
type Tokens interface {
	// Issue returns a signed access token that is valid for the configured time.
	// Errors: a plain error if an id is zero or the version is negative, which is a defect.
	Issue(claims Claims) (string, error)

	// Verify returns the claims of a token from Issue that has not expired. The caller checks the state of the user and
	// the session. Errors: auth.ErrInvalidToken; its cause never holds the token.
	Verify(token string) (Claims, error)

	// IssueRefresh returns the refresh token of one generation of a session. Errors: none.
	IssueRefresh(session identity.SessionID, generation int) string

	// VerifyRefresh returns the contents of a token from IssueRefresh; ok is false for any other text. The session
	// determines whether the token is live.
	VerifyRefresh(token string) (session identity.SessionID, generation int, ok bool)
}
