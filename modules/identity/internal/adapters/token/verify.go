package token

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"

	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
)

const (
	headerType = "at+jwt"         // RFC 9068 section 2.1: other JWTs are not accepted as access tokens
	maxLength  = 2048             // bytes of a token, checked first
	maxKeyID   = 32               // characters of a kid
	leeway     = 30 * time.Second // maximum difference between the clocks of two instances

	// maxAhead is how far in the future a token may have been issued: the clock may have been set back since, which
	// must not sign out everybody. Its lifetime grows by that time at most.
	maxAhead = 24 * time.Hour
)

// Reasons to reject a token before its claims are read. The texts are fixed, like those of claims.
var (
	errLength  = errors.New("token: longer than 2 KiB")
	errShape   = errors.New("token: not three segments of base64url")
	errHeader  = errors.New("header: not one JSON object of alg, kid and typ")
	errType    = errors.New("header: typ is not at+jwt")
	errMethod  = errors.New("header: alg is not HS256")
	errKeyID   = errors.New("header: malformed kid")
	errUnknown = errors.New("header: unknown kid")
	errAhead   = errors.New("claims: iat is more than a day ahead")
)

// header is the JOSE header. All members are required.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// newParser enables all checks of golang-jwt, except that of iat, which verify checks with maxAhead. By default it
// accepts any HMAC, tokens without exp and malleable base64.
func newParser(cfg Config, clk clock.Clock) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(cfg.Issuer),
		jwt.WithAudience(cfg.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(clk.Now),
	)
}

func (t *tokens) Verify(token string) (ports.Claims, error) {
	if len(token) > maxLength {
		return ports.Claims{}, auth.ErrInvalidToken.Because(errLength)
	}
	digest := sha256.Sum256([]byte(token))
	if p, found := t.verified.find(digest); found && p.validAt(t.clock.Now()) {
		return p.claims, nil
	}
	p, err := t.verify(token)
	if err != nil {
		return ports.Claims{}, auth.ErrInvalidToken.Because(err)
	}
	t.verified.add(digest, p)
	return p.claims, nil
}

// verify runs the cheap checks first: shape, header, key; then golang-jwt's: signature, issuer, audience, dates; then
// those of the other claims.
func (t *tokens) verify(token string) (verified, error) {
	if !isCompact(token) {
		return verified{}, errShape
	}
	secret, err := t.keyOf(token)
	if err != nil {
		return verified{}, err
	}
	var c claims
	if _, err := t.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return secret, nil }); err != nil {
		return verified{}, err
	}
	claims, err := c.issued()
	if err != nil {
		return verified{}, err
	}
	p := verified{claims, time.Unix(c.IssuedAt, 0), time.Unix(c.ExpiresAt, 0)}
	if !p.validAt(t.clock.Now()) {
		return verified{}, errAhead
	}
	return p, nil
}

// keyOf returns the key that the header names. It accepts only the three members that Issue writes: crit, jku, jwk,
// x5u, x5c, zip and b64 are rejected unread (RFC 8725 section 3.10), and duplicate members too (RFC 7515 section 4).
func (t *tokens) keyOf(token string) ([]byte, error) {
	segment, _, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return nil, errShape
	}
	var h header
	if err := json.Unmarshal(data, &h, json.RejectUnknownMembers(true)); err != nil {
		return nil, errHeader
	}
	switch {
	case h.Type != headerType:
		return nil, errType
	case h.Algorithm != jwt.SigningMethodHS256.Alg():
		return nil, errMethod
	case len(h.KeyID) > maxKeyID || !isBase64URL(h.KeyID):
		return nil, errKeyID
	}
	secret, known := t.keys[h.KeyID]
	if !known {
		return nil, errUnknown
	}
	return secret, nil
}

// isCompact reports whether a token is in compact serialisation (RFC 7515 section 7.1). Even strict base64 decoding
// skips line breaks, so without this check one token could have many spellings.
func isCompact(token string) bool {
	head, rest, _ := strings.Cut(token, ".")
	body, signature, _ := strings.Cut(rest, ".")
	return isBase64URL(head) && isBase64URL(body) && isBase64URL(signature)
}

// isBase64URL reports whether s is one or more characters of the URL-safe base64 alphabet (RFC 4648 section 5),
// unpadded.
func isBase64URL(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != ""
}
