package domain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Chains is the number of chains, which are numbered from 1. Each is verified separately. Entries of different chains
// are ordered by their time.
const Chains = 8

// MAC is the HMAC-SHA-256 (RFC 2104) of the previous entry's MAC and the canonical bytes of this entry. So it covers
// all previous entries.
type MAC [sha256.Size]byte

// String returns 64 hexadecimal digits.
func (m MAC) String() string { return hex.EncodeToString(m[:]) }

// Link identifies an entry of a chain: the last entry, or the entry before the first stored entry.
type Link struct {
	Sequence int64
	MAC      MAC
}

// Genesis returns the link before the first entry of a chain: sequence 0 with the SHA-256 of a text that names the
// chain.
func Genesis(chain int) Link {
	var c canonical
	c.text(genesisVersion)
	c.number(int64(chain))
	return Link{0, sha256.Sum256(c)}
}

// Head is the end of a chain, where the next entry is appended.
type Head struct {
	Chain int
	Link
	Time time.Time // of the last entry; zero if the chain is empty
}

// Seal sets the place, time and MAC of an entry after the head, and moves the head to it. The time is at least that of
// the previous entry.
func (h *Head) Seal(e *Entry, keys Keys, now time.Time) {
	if now.Before(h.Time) {
		now = h.Time // the clocks of two instances may differ
	}
	e.Chain, e.Sequence, e.Time, e.KeyID = h.Chain, h.Sequence+1, now, keys.newest.ID
	e.MAC = e.mac(keys.newest, h.MAC)
	h.Link, h.Time = Link{e.Sequence, e.MAC}, now
}

func (e Entry) mac(key Secret, before MAC) (mac MAC) {
	h := hmac.New(sha256.New, key.Bytes)
	h.Write(before[:])
	h.Write(e.canonical())
	h.Sum(mac[:0])
	return mac
}

// Span is the stored part of a chain: the entries after From, up to and including To. From is Genesis until the trail
// is pruned.
type Span struct {
	Chain    int
	From, To Link
}
