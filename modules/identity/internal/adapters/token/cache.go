package token

import (
	"crypto/sha256"
	"sync"
	"time"

	"healthcare/modules/identity/internal/ports"
)

// verified holds the claims and dates of a token that passed all checks. Only time can make it invalid, because keys
// change only at a start.
type verified struct {
	claims            ports.Claims
	issuedAt, expires time.Time
}

// validAt reports whether the dates admit the token now. A cached token needs no other check.
func (p verified) validAt(now time.Time) bool {
	return now.Before(p.expires.Add(leeway)) && !now.Before(p.issuedAt.Add(-maxAhead))
}

// perGeneration is the maximum number of tokens in each of the two generations of a cache: about 1 MB in total.
const perGeneration = 4096

// cache holds verified tokens by their digests, so that it contains no token. Sessions and users are not cached; every
// request checks them. The zero cache is empty. It is safe for concurrent use.
type cache struct {
	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]verified
}

func (c *cache) find(digest [sha256.Size]byte) (verified, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, found := c.young[digest]
	if !found {
		p, found = c.old[digest]
	}
	return p, found
}

func (c *cache) add(digest [sha256.Size]byte, p verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= perGeneration {
		c.old, c.young = c.young, make(map[[sha256.Size]byte]verified, perGeneration/8)
	}
	c.young[digest] = p
}
