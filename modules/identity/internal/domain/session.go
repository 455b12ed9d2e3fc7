package domain

import (
	"net/netip"
	"strings"
	"time"
	"unicode"

	"healthcare/modules/identity"
	"healthcare/platform/recordid"
)

// Session begins with a login. It is a family of refresh tokens, one generation after the other, of which one is live.
type Session struct {
	ID         identity.SessionID
	UserID     identity.UserID
	Generation int // of the live refresh token; the first is 0
	From       Origin
	CreatedAt  time.Time
	LastUsedAt time.Time // when the live generation was issued
	ExpiresAt  time.Time
}

// Origin is the client that last used a session.
type Origin struct {
	Agent   string // the User-Agent header, at most 200 characters
	Network string // the coarse address, such as 203.0.113.0/24; "" if unknown
}

// maxAgent bounds the stored part of a User-Agent, in characters.
const maxAgent = 200

// OriginOf returns the origin of a request with this User-Agent and address.
func OriginOf(agent string, address netip.Addr) Origin {
	printable := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(agent, ""))
	if runes := []rune(printable); len(runes) > maxAgent {
		printable = string(runes[:maxAgent])
	}
	return Origin{Agent: printable, Network: Network(address)}
}

// Network returns the part of an address that is stored: IPv4 /24, IPv6 /56, which is one household or office; "" for
// an invalid address.
func Network(address netip.Addr) string {
	address = address.Unmap()
	if address.Is4() {
		return network(address, 24)
	}
	return network(address, 56)
}

// WideNetwork returns the IPv6 /48 of an address, which a provider may assign to one customer (RFC 6177); "" for other
// addresses.
func WideNetwork(address netip.Addr) string {
	if address = address.Unmap(); address.Is4() {
		return ""
	}
	return network(address, 48)
}

func network(address netip.Addr, bits int) string {
	prefix, _ := address.Prefix(bits) // without a zone; fails only for more bits than the address has
	if !prefix.IsValid() {
		return ""
	}
	return prefix.String()
}

// Lifetimes bound a session.
type Lifetimes struct {
	Idle     time.Duration // since its last use
	Absolute time.Duration // since its login
	Retry    time.Duration // replaces RetryWindow where it is longer
}

// RetryWindow is the time after its first use during which a refresh token may be sent again: the response may have
// been lost, or a second tab sent it at the same time.
const RetryWindow = 60 * time.Second

// Standing is the state that an access token is checked against.
type Standing struct {
	UserID       identity.UserID
	Active       bool
	TokenVersion int
	Role         string
}

// NewSession starts a session with its first generation.
func NewSession(user identity.UserID, from Origin, now time.Time, lifetimes Lifetimes) Session {
	s := Session{ID: recordid.New[identity.SessionID](), UserID: user, From: from, CreatedAt: now}
	s.use(now, lifetimes)
	return s
}

// Use is the result of using a refresh token.
type Use int

// The uses of a refresh token.
const (
	Refused  Use = iota // the session has ended, or the generation never existed
	Rotated             // the next generation is live
	Repeated            // the same successor again
	Reused              // the token may be stolen: the session must end
)

// Refresh uses the session's refresh token of a generation. After Rotated and Repeated the client gets the live
// generation.
func (s *Session) Refresh(generation int, from Origin, now time.Time, lifetimes Lifetimes) Use {
	switch {
	case !now.Before(s.ExpiresAt) || generation > s.Generation: // greater only after a restore from a backup
		return Refused
	case generation == s.Generation:
		s.Generation++
		s.From = from
		s.use(now, lifetimes)
		return Rotated
	case generation == s.Generation-1 && now.Sub(s.LastUsedAt).Abs() <= max(RetryWindow, lifetimes.Retry):
		return Repeated // after the clock went back further than the window, the use is no retry but Reused
	}
	return Reused
}

// use sets the times of the live generation. A session from before the clock went back counts as created now, so that
// its absolute lifetime does not include the time by which the clock was wrong.
func (s *Session) use(now time.Time, lifetimes Lifetimes) {
	if s.CreatedAt.After(now) {
		s.CreatedAt = now
	}
	s.LastUsedAt, s.ExpiresAt = now, now.Add(lifetimes.Idle)
	if end := s.CreatedAt.Add(lifetimes.Absolute); end.Before(s.ExpiresAt) {
		s.ExpiresAt = end
	}
}
