package domain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Chains is how many chains there are, numbered from 1. Each is proved by itself; what orders the entries of different ones is their time.
const Chains = 8

// AnyChain is where an entry goes that may go to each of them.
const AnyChain = 0

// MAC is HMAC-SHA-256 (RFC 2104) over the MAC of the entry before and the canonical bytes of this one, so it seals all that came before.
type MAC [sha256.Size]byte

// String is 64 hexadecimal digits.
func (m MAC) String() string { return hex.EncodeToString(m[:]) }

// Link is a place in a chain: where an entry ends it, or where the first one that is left begins.
type Link struct {
	Sequence int64
	MAC      MAC
}

// Genesis is what the first entry of a chain follows: entry 0, whose MAC is the SHA-256 of a text that names the chain.
func Genesis(chain int) Link {
	var c canonical
	c.text(genesisVersion)
	c.number(int64(chain))
	return Link{0, sha256.Sum256(c)}
}

// Head is the end of a chain, after which the next entry goes.
type Head struct {
	Chain int
	Link
	Time time.Time // of the last entry; zero when there is none
}

// Seal puts an entry after the head, at a time that is not before the last one's, and moves the head there.
func (h *Head) Seal(e *Entry, keys Keys, now time.Time) {
	if now.Before(h.Time) {
		now = h.Time // the clocks of two instances differ; the trail's order is that of its sequence
	}
	e.Chain, e.Sequence, e.Time, e.KeyID = h.Chain, h.Sequence+1, now, keys.newest.ID
	e.MAC = e.mac(keys.newest, h.MAC)
	h.Link, h.Time = Link{e.Sequence, e.MAC}, now
}

func (e Entry) mac(key Secret, before MAC) (made MAC) {
	h := hmac.New(sha256.New, key.Bytes)
	h.Write(before[:])
	h.Write(e.canonical())
	h.Sum(made[:0])
	return made
}

// Span is the part of a chain that is kept: what follows From, up to and with To. From is Genesis until the trail is pruned.
type Span struct {
	Chain    int
	From, To Link
}
