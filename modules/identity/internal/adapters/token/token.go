// Package token issues and verifies access tokens: JWTs (RFC 7519) of type at+jwt (RFC 9068), signed with HS256 (RFC
// 7518) under a ring of keys, and checked along RFC 8725. Only this service reads them, so whatever it would not have
// written itself is refused. Sessions, refresh tokens and the user's standing live elsewhere.
package token

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/keyring"
)

// The limits of a configuration.
const (
	MinLifetime = time.Second    // RFC 7519 dates are whole seconds here
	MaxLifetime = 24 * time.Hour // also the longest life that Verify believes
	maxName     = 256            // characters of Issuer and of Audience, so that a token stays well below maxLength
)

// Config says how tokens are made.
type Config struct {
	Keys keyring.Ring // the newest signs, all verify, so that a new secret signs nobody out

	Issuer   string // iss, a name or URI: 1..256 visible ASCII characters without " & < > \
	Audience string // aud, likewise

	UserIDClaim bool // writes the claim user_id too

	Lifetime time.Duration // MinLifetime..MaxLifetime, in whole seconds
}

// validate refuses a configuration that would weaken tokens. Errors: plain, naming the field and never a secret.
func (c Config) validate() error {
	if len(c.Keys.All(identity.AccessTokenKeys)) == 0 {
		return fmt.Errorf("token: Keys: %w", keyring.ErrNone)
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

// tokens is safe for concurrent use: nothing in it changes after New but what it remembers.
type tokens struct {
	cfg    Config
	clock  clock.Clock
	signer keyring.Key
	keys   map[string][]byte // every key that verifies, by kid, which never reaches a file or a database
	parser *jwt.Parser
	proven memory

	refresh [][]byte // the keys of refresh tokens, the newest first
}

// New makes the issuer and verifier of access tokens. Errors: plain, naming the field of cfg that is out of bounds.
func New(cfg Config, clock clock.Clock) (ports.Tokens, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	keys := map[string][]byte{}
	for _, key := range cfg.Keys.All(identity.AccessTokenKeys) {
		keys[key.ID] = key.Secret
	}
	t := &tokens{cfg: cfg, clock: clock, signer: cfg.Keys.Newest(identity.AccessTokenKeys), keys: keys, parser: newParser(cfg, clock)}
	for _, key := range cfg.Keys.All(refreshTokenKeys) {
		t.refresh = append(t.refresh, key.Secret)
	}
	return t, nil
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
	var userID jsontext.Value
	if t.cfg.UserIDClaim {
		userID = jsontext.Value(`"` + c.UserID.String() + `"`)
	}
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
		UserID:    userID,
	})
}

func sign(key keyring.Key, c claims) (string, error) {
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, &c)
	unsigned.Header["typ"] = headerType
	unsigned.Header["kid"] = key.ID
	signed, err := unsigned.SignedString(key.Secret)
	if err != nil {
		return "", fmt.Errorf("token: sign: %w", err)
	}
	return signed, nil
}
