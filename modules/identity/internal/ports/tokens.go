package ports

import "github.com/google/uuid"

// Claims is what an access token says: who signed in, by which session, and the user's token version at that time. It
// holds no personal data.
type Claims struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
	Version   int // the user's token version, >= 0: a token of an earlier one is void
}

// Tokens issues access tokens and tells those it issued from all others.
type Tokens interface {
	// Issue makes a signed access token that lives for the configured time.
	// Errors: a plain error when an id is zero or the version negative, which only a defect can cause.
	Issue(claims Claims) (string, error)

	// Verify reads a token that Issue made and that has not expired. Whether the user and the session are still in good
	// standing is the caller's to ask.
	// Errors: auth.ErrUnauthenticated; its cause never holds the token.
	Verify(token string) (Claims, error)
}
