// Package token issues and verifies access tokens: JWTs (RFC 7519) of type at+jwt (RFC 9068), signed with HS256 (RFC 7518)
// under a ring of keys, and checked along RFC 8725. Only this service reads them, so whatever it would not have written
// itself is refused. Sessions, refresh tokens and the user's standing live elsewhere.
package token

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
)

// The limits of a configuration.
const (
	MinSecret   = 32             // bytes of a secret: as many as the HMAC gives (RFC 7518 section 3.2)
	MinLifetime = time.Second    // RFC 7519 dates are whole seconds here
	MaxLifetime = 24 * time.Hour // also the longest life that Verify believes
	maxName     = 256            // characters of Issuer and of Audience, so that a token stays well below maxLength
)

// Config says how tokens are made.
type Config struct {
	Secret   []byte   // signs and verifies, at least MinSecret random bytes
	Previous [][]byte // older secrets that still verify, so that a new Secret signs nobody out

	Issuer   string // iss, a name or URI: 1..256 visible ASCII characters without " & < > \
	Audience string // aud, likewise

	Lifetime time.Duration // MinLifetime..MaxLifetime, in whole seconds
}

// validate refuses a configuration that would weaken tokens. Errors: plain, naming the field and never a secret.
func (c Config) validate() error {
	if len(c.Secret) < MinSecret {
		return fmt.Errorf("token: Secret: want at least %d bytes", MinSecret)
	}
	for i, secret := range c.Previous {
		if len(secret) < MinSecret {
			return fmt.Errorf("token: Previous[%d]: want at least %d bytes", i, MinSecret)
		}
	}
	if !isName(c.Issuer) {
		return fmt.Errorf("token: Issuer: want a name or URI of 1 to %d ASCII characters", maxName)
	}
	if !isName(c.Audience) {
		return fmt.Errorf("token: Audience: want a name or URI of 1 to %d ASCII characters", maxName)
	}
	if c.Lifetime < MinLifetime || c.Lifetime > MaxLifetime || c.Lifetime%time.Second != 0 {
		return fmt.Errorf("token: Lifetime: want whole seconds from %s to %s, got %s", MinLifetime, MaxLifetime, c.Lifetime)
	}
	return nil
}

// isName takes what JSON writes as it is: an escaped character would take six.
func isName(s string) bool {
	unfit := func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"&<>\`, c) }
	return s != "" && len(s) <= maxName && !strings.ContainsFunc(s, unfit)
}

// tokens is safe for concurrent use: nothing in it changes after New.
type tokens struct {
	cfg    Config
	clock  clock.Clock
	signer key
	ring   ring
	parser *jwt.Parser
}

// New makes the issuer and verifier of access tokens. Errors: plain, naming the field of cfg that is out of bounds.
func New(cfg Config, clock clock.Clock) (ports.Tokens, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	signer, all, err := derive(cfg.Secret, cfg.Previous)
	if err != nil {
		return nil, fmt.Errorf("token: derive keys: %w", err)
	}
	return &tokens{cfg: cfg, clock: clock, signer: signer, ring: all, parser: newParser(cfg, clock)}, nil
}

func (t *tokens) Issue(c ports.Claims) (string, error) {
	if c.UserID == uuid.Nil || c.SessionID == uuid.Nil || c.Version < 0 {
		return "", errors.New("token: issue: want a user, a session and a version >= 0")
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return "", fmt.Errorf("token: issue: %w", err)
	}
	now := t.clock.Now()
	return sign(t.signer, claims{
		Issuer:    t.cfg.Issuer,
		Audience:  audience(t.cfg.Audience),
		Subject:   c.UserID.String(),
		Session:   c.SessionID.String(),
		Version:   &c.Version,
		ExpiresAt: now.Add(t.cfg.Lifetime).Unix(),
		IssuedAt:  now.Unix(),
		ID:        id.String(),
		TokenType: accessToken,
	})
}

func sign(k key, c claims) (string, error) {
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, &c)
	unsigned.Header["typ"] = headerType
	unsigned.Header["kid"] = k.id
	signed, err := unsigned.SignedString(k.secret)
	if err != nil {
		return "", fmt.Errorf("token: sign: %w", err)
	}
	return signed, nil
}
