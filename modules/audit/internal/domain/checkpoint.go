package domain

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json" //nolint:depguard // what it reads is held against a signature over bytes that are made again
	"errors"
	"time"
)

// Checkpoint says that a chain reached a place at a time. Kept where whoever can write the database cannot write, it reveals a tail
// that was cut off and an old database that was put back.
type Checkpoint struct {
	Chain int
	Link
	Time time.Time
}

// checkpointLine is a checkpoint in its file: one line of JSON.
type checkpointLine struct {
	Chain     int       `json:"chain"`
	Sequence  int64     `json:"sequence"`
	MAC       string    `json:"mac"`
	Time      time.Time `json:"time"`
	KeyID     string    `json:"key_id"`
	Signature []byte    `json:"signature"` // Ed25519 over the canonical bytes
}

// Sign is the checkpoint as a line without its end.
func (k Keys) Sign(c Checkpoint) []byte {
	line, _ := json.Marshal(checkpointLine{ // texts, numbers and a year that fits: it cannot fail
		c.Chain, c.Sequence, c.MAC.String(), c.Time.UTC(), k.signer.ID, ed25519.Sign(k.signer.signingKey(), c.canonical(k.signer.ID)),
	})
	return line
}

// ErrNoCheckpoint is the answer to every line that Sign has not made with one of the keys.
var ErrNoCheckpoint = errors.New("is not a checkpoint signed with AUDIT_KEY or AUDIT_KEY_PREVIOUS")

// Checkpoint reads a line back. Errors: ErrNoCheckpoint.
func (k Keys) Checkpoint(line []byte) (Checkpoint, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var l checkpointLine
	if err := decoder.Decode(&l); err != nil || decoder.More() {
		return Checkpoint{}, ErrNoCheckpoint
	}
	mac, err := ParseMAC(l.MAC)
	signer, known := k.signers[l.KeyID]
	if err != nil || !known {
		return Checkpoint{}, ErrNoCheckpoint
	}
	c := Checkpoint{l.Chain, Link{l.Sequence, mac}, l.Time.UTC()}
	public := signer.signingKey().Public().(ed25519.PublicKey)
	if !ed25519.Verify(public, c.canonical(l.KeyID), l.Signature) {
		return Checkpoint{}, ErrNoCheckpoint
	}
	return c, nil
}

func (c Checkpoint) canonical(keyID string) []byte {
	var b canonical
	b.text(checkpointVersion)
	b.number(int64(c.Chain))
	b.number(c.Sequence)
	b.text(string(c.MAC[:]))
	b.time(c.Time)
	b.text(keyID)
	return b
}

// ParseMAC reads 64 hexadecimal digits. Errors: a plain one.
func ParseMAC(s string) (mac MAC, err error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(mac) {
		return MAC{}, errors.New("is not a MAC of 64 hexadecimal digits")
	}
	return MAC(raw), nil
}
