package token

import (
	"crypto/sha256"
	"sync"
	"time"

	"healthcare/modules/identity/internal/ports"
)

// proven is what a token said whose signature and claims were found good. Nothing but time changes that: keys change at
// a start only.
type proven struct {
	claims            ports.Claims
	issuedAt, expires time.Time
}

// goodAt checks the dates again, as the parser does.
func (p proven) goodAt(now time.Time) bool {
	return now.Before(p.expires.Add(leeway)) && !now.Before(p.issuedAt.Add(-leeway))
}

// perGeneration bounds how many tokens are remembered, in each of two generations: about a megabyte in all.
const perGeneration = 4096

// memory remembers tokens that were verified, by their digests, so that no token can be read from it. It says nothing
// about sessions and users: those are asked for in every request. The zero memory is empty, and safe for concurrent
// use.
type memory struct {
	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]proven
}

func (m *memory) find(digest [sha256.Size]byte) (proven, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	p, found := m.young[digest]
	if !found {
		p, found = m.old[digest]
	}
	return p, found
}

func (m *memory) keep(digest [sha256.Size]byte, p proven) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young == nil || len(m.young) >= perGeneration {
		m.old, m.young = m.young, make(map[[sha256.Size]byte]proven, perGeneration/8)
	}
	m.young[digest] = p
}
