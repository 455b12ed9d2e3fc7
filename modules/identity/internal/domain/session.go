package domain

import (
	"net/netip"
	"strings"
	"time"
	"unicode"

	"healthcare/modules/identity"
	"healthcare/platform/recordid"
)

// Session lives from a login on. It is a family of refresh tokens, one generation after the other, of which one is live at a time.
type Session struct {
	ID         identity.SessionID
	UserID     identity.UserID
	Generation int // of the live refresh token; the first is 0
	From       Origin
	CreatedAt  time.Time
	LastUsedAt time.Time // when the live generation was made
	ExpiresAt  time.Time
}

// Origin is where a session was last used from, as far as the server can tell.
type Origin struct {
	Agent   string // what the User-Agent header says, at most 200 characters
	Network string // the coarse address, such as 203.0.113.0/24; "" when unknown
}

// maxAgent bounds what is kept of a User-Agent, in characters.
const maxAgent = 200

// OriginOf is where a request with this User-Agent and address comes from.
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

// Network is the part of an address that is remembered: IPv4 /24, IPv6 /56, which is one household or office; "" for an address that is none.
func Network(address netip.Addr) string {
	address = address.Unmap()
	if address.Is4() {
		return network(address, 24)
	}
	return network(address, 56)
}

// WideNetwork is the IPv6 /48 of an address, which a provider may give to one customer on demand (RFC 6177); "" for an
// address that has none.
func WideNetwork(address netip.Addr) string {
	if address = address.Unmap(); address.Is4() {
		return ""
	}
	return network(address, 48)
}

func network(address netip.Addr, bits int) string {
	prefix, err := address.Prefix(bits) // without a zone
	if err != nil || !prefix.IsValid() {
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

// RetryWindow is how long the last spent refresh token may be sent again, from its first use: its answer may have been lost, or a second tab
// was as fast.
const RetryWindow = 60 * time.Second

// Standing is what an access token is checked against.
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

// Use is what became of a refresh token.
type Use int

// The uses of a refresh token.
const (
	Refused  Use = iota // the session is over, or the token is of no generation it had
	Rotated             // the next generation is live
	Repeated            // the same successor again
	Reused              // somebody has the token who should not: the session must end
)

// Refresh uses the session's refresh token of a generation. After Rotated and Repeated the live generation is the one to answer with.
func (s *Session) Refresh(generation int, from Origin, now time.Time, lifetimes Lifetimes) Use {
	switch {
	case !now.Before(s.ExpiresAt) || generation > s.Generation: // ahead of the row only where the store was put back to an older state
		return Refused
	case generation == s.Generation:
		s.Generation++
		s.From = from
		s.use(now, lifetimes)
		return Rotated
	case generation == s.Generation-1 && now.Sub(s.LastUsedAt) <= max(RetryWindow, lifetimes.Retry):
		return Repeated
	}
	return Reused
}

// use makes the live generation's times.
func (s *Session) use(now time.Time, lifetimes Lifetimes) {
	s.LastUsedAt, s.ExpiresAt = now, now.Add(lifetimes.Idle)
	if end := s.CreatedAt.Add(lifetimes.Absolute); end.Before(s.ExpiresAt) {
		s.ExpiresAt = end
	}
}
