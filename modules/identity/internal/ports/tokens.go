package ports

import (
	"github.com/google/uuid"

	"healthcare/modules/identity"
)

// Claims is what an access token says: who signed in, by which session, and the user's token version at that time. It
// holds no personal data.
type Claims struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
	Version   int // the user's token version, >= 0: a token of an earlier one is void
}

// Tokens issues tokens and tells those it issued from all others.
type Tokens interface {
	// Issue makes a signed access token that lives for the configured time.
	// Errors: a plain error when an id is zero or the version negative, which only a defect can cause.
	Issue(claims Claims) (string, error)

	// Verify reads a token that Issue made and that has not expired. Whether the user and the session are still in good
	// standing is the caller's to ask.
	// Errors: auth.ErrInvalidToken; its cause never holds the token.
	Verify(token string) (Claims, error)

	// IssueRefresh makes the refresh token of one generation of a session. Errors: none.
	IssueRefresh(session identity.SessionID, generation int) string

	// VerifyRefresh reads a token that IssueRefresh made; ok is false for all else. Whether it is live is the session's to say.
	VerifyRefresh(token string) (session identity.SessionID, generation int, ok bool)
}
