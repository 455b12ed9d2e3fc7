package domain

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json" //nolint:depguard // the signature covers bytes computed again from the decoded values
	"errors"
	"strings"
	"time"
)

// Checkpoint records the end of a chain at a time. If it is stored where a writer of the database cannot write, it
// reveals a tail that was cut off and an old database that was restored.
type Checkpoint struct {
	Chain int
	Link
	Time time.Time
}

// checkpointLine is the JSON form of a checkpoint, on one line.
type checkpointLine struct {
	Chain     int       `json:"chain"`
	Sequence  int64     `json:"sequence"`
	MAC       string    `json:"mac"`
	Time      time.Time `json:"time"`
	KeyID     string    `json:"key_id"`
	Signature []byte    `json:"signature"` // Ed25519 over the canonical bytes
}

// Sign returns the signed checkpoint as a line, without a newline.
func (k Keys) Sign(c Checkpoint) []byte {
	signature := ed25519.Sign(k.signer.signingKey(), c.canonical(k.signer.ID))
	line, _ := json.Marshal(checkpointLine{ // cannot fail: texts, numbers and a year below 10000
		c.Chain, c.Sequence, c.MAC.String(), c.Time.UTC(), k.signer.ID, signature,
	})
	return line
}

// WholeLine returns the whole line in a line of a file of checkpoints, and reports whether a part of it is torn: the
// process was killed while it wrote a line, and an earlier release then continued the same line. whole is nil without
// one. A line that does not begin like a checkpoint is not torn, and is returned whole.
func WholeLine(line []byte) (whole []byte, torn bool) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return nil, false
	}
	const start = `{"chain":`
	if !bytes.HasPrefix(line, []byte(start)) && !strings.HasPrefix(start, string(line)) {
		return line, false
	}
	if !bytes.HasSuffix(line, []byte("}")) { // a line has no other closing brace
		return nil, true
	}
	begin := bytes.LastIndex(line, []byte(start))
	return line[begin:], begin > 0
}

// ErrNoCheckpoint is the error of a line that was not returned by Sign with one of the keys.
var ErrNoCheckpoint = errors.New("not a checkpoint signed with AUDIT_KEY or AUDIT_KEY_PREVIOUS")

// Checkpoint verifies and decodes a line. Errors: ErrNoCheckpoint.
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

// ParseMAC parses 64 hexadecimal digits. Errors: a plain error.
func ParseMAC(s string) (mac MAC, err error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(mac) {
		return MAC{}, errors.New("not a MAC of 64 hexadecimal digits")
	}
	return MAC(raw), nil
}
