package domain

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/identity"
)

// Session lives from a login on. It has one live refresh token at a time, of which only the hash is known.
type Session struct {
	ID          identity.SessionID
	UserID      identity.UserID
	RefreshHash string
	CreatedAt   time.Time
	LastUsedAt  time.Time
	ExpiresAt   time.Time
}

// Lifetimes bound a session.
type Lifetimes struct {
	Idle     time.Duration // since its last use
	Absolute time.Duration // since its login
}

// Standing is what an access token is checked against.
type Standing struct {
	UserID       identity.UserID
	Active       bool
	TokenVersion int
}

// NewSession starts a session and gives its first refresh token, which exists nowhere else.
func NewSession(user identity.UserID, now time.Time, lifetimes Lifetimes) (Session, string) {
	s := Session{ID: identity.SessionID{UUID: uuid.Must(uuid.NewV7())}, UserID: user, CreatedAt: now}
	return s, s.issue(now, lifetimes)
}

// Rotate gives a session its next refresh token; the one before is spent. It reports false when the session has expired.
func (s *Session) Rotate(now time.Time, lifetimes Lifetimes) (refresh string, alive bool) {
	if !now.Before(s.ExpiresAt) {
		return "", false
	}
	return s.issue(now, lifetimes), true
}

func (s *Session) issue(now time.Time, lifetimes Lifetimes) string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	refresh := base64.RawURLEncoding.EncodeToString(random)
	s.RefreshHash, s.LastUsedAt = RefreshHash(refresh), now
	s.ExpiresAt = now.Add(lifetimes.Idle)
	if end := s.CreatedAt.Add(lifetimes.Absolute); end.Before(s.ExpiresAt) {
		s.ExpiresAt = end
	}
	return refresh
}

// RefreshHash is what is stored of a refresh token. It has 256 random bits, so a fast hash is enough.
func RefreshHash(refresh string) string {
	sum := sha256.Sum256([]byte(refresh))
	return hex.EncodeToString(sum[:])
}
