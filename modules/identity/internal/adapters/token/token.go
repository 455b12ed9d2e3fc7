// Package token issues and verifies access tokens and refresh tokens. An access token is a JWT (RFC 7519) of type
// at+jwt (RFC 9068), signed with HS256 (RFC 7518) by a key of a ring, and checked as RFC 8725 recommends. Only this
// service reads access tokens, so it rejects every form that it does not write itself.
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

// Bounds of Config.
const (
	MinLifetime = time.Second    // RFC 7519 dates are whole seconds here
	MaxLifetime = 24 * time.Hour // also the longest lifetime that Verify accepts
	maxName     = 256            // characters of Issuer and of Audience, so that a token stays well below maxLength
)

// Config configures tokens.
type Config struct {
	Keys keyring.Ring // the newest signs, all verify, so that a new secret ends no session

	Issuer   string // iss, a name or URI: 1..256 visible ASCII characters without " & < > \
	Audience string // aud, likewise

	UserIDClaim bool // adds the claim user_id

	Lifetime time.Duration // MinLifetime..MaxLifetime, in whole seconds
}

// validate returns an error that names the first unsafe field. The text never contains a secret.
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
		return fmt.Errorf(
			"token: Lifetime: want whole seconds from %s to %s, got %s", MinLifetime, MaxLifetime, c.Lifetime)
	}
	return nil
}

// isName reports whether JSON writes s without escapes; an escaped character takes six bytes.
func isName(s string) bool {
	unfit := func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"&<>\`, c) }
	return s != "" && len(s) <= maxName && !strings.ContainsFunc(s, unfit)
}

// tokens is safe for concurrent use: only verified changes after New.
type tokens struct {
	cfg      Config
	clock    clock.Clock
	signer   keyring.Key
	keys     map[string][]byte // all keys, by kid; never written to a file or a database
	parser   *jwt.Parser
	verified cache

	refresh [][]byte // the keys of refresh tokens, newest first
}

// New returns the issuer and verifier of tokens. Errors: a plain error that names the invalid field of cfg.
func New(cfg Config, clk clock.Clock) (ports.Tokens, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	keys := map[string][]byte{}
	for _, key := range cfg.Keys.All(identity.AccessTokenKeys) {
		keys[key.ID] = key.Secret
	}
	t := &tokens{
		cfg: cfg, clock: clk, keys: keys, parser: newParser(cfg, clk),
		signer: cfg.Keys.Newest(identity.AccessTokenKeys),
	}
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
