package token

import (
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"healthcare/modules/identity/internal/ports"
)

// accessToken is the token_type of access tokens. Other tokens have another type, so that they are never accepted as
// access tokens.
const accessToken = "access"

// lastSecond is the end of the year 9999: later dates overflow time arithmetic.
const lastSecond = 253402300799

// Reasons to reject claims. The texts are fixed, so that nothing that a forger wrote reaches a log.
var (
	errClaims    = errors.New("claims: not one JSON object of exactly the claims we issue, each of its type")
	errDates     = errors.New("claims: iat or exp out of range")
	errLifetime  = errors.New("claims: exp is not within a day after iat")
	errTokenType = errors.New("claims: not an access token")
	errVersion   = errors.New("claims: no version >= 0")
	errUserID    = errors.New("claims: user_id is not sub")
	errUUID      = errors.New("claims: sub, sid or jti is not a UUID in canonical form")
)

// claims is the payload of a token. All members except UserID are required.
type claims struct {
	Issuer    string   `json:"iss"`
	Audience  audience `json:"aud"`
	Subject   string   `json:"sub"`
	Session   string   `json:"sid"`
	Version   *int     `json:"ver"` // a pointer, because 0 differs from missing
	ExpiresAt int64    `json:"exp"` // seconds since 1970
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	TokenType string   `json:"token_type"`

	// UserID is the subject again, for clients of the original. It is optional, and raw JSON so that null differs from
	// a missing claim.
	UserID jsontext.Value `json:"user_id,omitzero"`
}

// UnmarshalJSON accepts exactly the claims that Issue writes: names in their letter case, no duplicates (RFC 7519
// section 4), valid UTF-8 (RFC 8725 section 3.7), and no other member, because an earlier version must not ignore a
// restriction that a later one adds. golang-jwt would decode with encoding/json, which does not check any of these.
func (c *claims) UnmarshalJSON(data []byte) error {
	type plain claims
	if err := json.Unmarshal(data, (*plain)(c), json.RejectUnknownMembers(true)); err != nil {
		return errClaims
	}
	// Checked here, because time.Unix silently wraps around.
	if !isDate(c.IssuedAt) || !isDate(c.ExpiresAt) {
		return errDates
	}
	return nil
}

func isDate(second int64) bool { return second > 0 && second <= lastSecond }

// issued checks the claims that golang-jwt does not check, and returns those of the ports.
func (c *claims) issued() (ports.Claims, error) {
	if c.TokenType != accessToken {
		return ports.Claims{}, errTokenType
	}
	if life := c.ExpiresAt - c.IssuedAt; life <= 0 || life > int64(MaxLifetime/time.Second) {
		return ports.Claims{}, errLifetime
	}
	if c.Version == nil || *c.Version < 0 {
		return ports.Claims{}, errVersion
	}
	if c.UserID != nil && string(c.UserID) != `"`+c.Subject+`"` {
		return ports.Claims{}, errUserID
	}
	user, okUser := canonical(c.Subject)
	session, okSession := canonical(c.Session)
	if _, okID := canonical(c.ID); !okUser || !okSession || !okID {
		return ports.Claims{}, errUUID
	}
	return ports.Claims{UserID: user, SessionID: session, Version: *c.Version}, nil
}

// canonical parses a UUID in the canonical form (RFC 9562 section 4: 36 characters with dashes; lower case). uuid.Parse
// also accepts braces, urn:uuid: and no dashes. The zero UUID is not valid.
func canonical(s string) (uuid.UUID, bool) {
	id, err := uuid.Parse(s)
	return id, err == nil && id.String() == s && id != uuid.Nil
}

// audience is one audience: a string, or an array of exactly one string (RFC 7519 section 4.1.3).
type audience string

func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if len(data) > 0 && data[0] == '[' {
		var list []string
		if err := json.Unmarshal(data, &list); err != nil || len(list) != 1 {
			return errClaims
		}
		one = list[0]
	} else if err := json.Unmarshal(data, &one); err != nil {
		return errClaims
	}
	*a = audience(one)
	return nil
}

// The methods of jwt.Claims, for golang-jwt's validator. A missing or null claim is the zero value, which the validator
// rejects as missing.

func (c *claims) GetIssuer() (string, error)  { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error) { return c.Subject, nil }

func (c *claims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{string(c.Audience)}, nil
}

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.ExpiresAt), nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return date(c.IssuedAt), nil }

// GetNotBefore returns nil: Issue does not write nbf, and a token with nbf is rejected for an unknown member.
func (c *claims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }

func date(second int64) *jwt.NumericDate {
	if second == 0 {
		return nil
	}
	return jwt.NewNumericDate(time.Unix(second, 0))
}
