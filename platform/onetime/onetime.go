// Package onetime creates and verifies one-time codes that people pass on, such as the code of an invitation. Only the
// MAC of a code is stored, and no code is logged.
package onetime

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
	"unicode"

	"healthcare/platform/keyring"
)

// Lifetime is the time for which a code can be used.
const Lifetime = 72 * time.Hour

const (
	length   = 20                                 // characters of a code: 100 bits
	group    = 5                                  // characters between two hyphens
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // Crockford's base32: 5 bits a character, without I, L, O and U
)

// Code is a one-time code. It is printed as a placeholder; Reveal returns its text.
type Code struct {
	characters func() []byte // a function, because fmt prints unexported fields without calling Format
}

// New returns a code with 100 random bits.
func New() Code {
	var characters [length]byte
	_, _ = rand.Read(characters[:]) // never fails
	for i, random := range characters {
		characters[i] = alphabet[random%byte(len(alphabet))] // unbiased: the alphabet has 32 characters
	}
	return newCode(characters)
}

func newCode(characters [length]byte) Code { return Code{func() []byte { return characters[:] }} }

// Parse reads a code that a person has typed, and reports whether it has the form of one. It ignores case, white space
// and hyphens, and reads O as 0 and I and L as 1.
func Parse(s string) (Code, bool) {
	var characters [length]byte
	n := 0
	for _, r := range s {
		if r == '-' || unicode.IsSpace(r) {
			continue
		}
		if 'a' <= r && r <= 'z' {
			r += 'A' - 'a'
		}
		switch r {
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		if n == length || !strings.ContainsRune(alphabet, r) {
			return Code{}, false
		}
		characters[n] = byte(r)
		n++
	}
	return newCode(characters), n == length
}

// Reveal returns the text of the code, for the response that shows it once: four groups of five characters.
func (c Code) Reveal() string {
	s := string(c.characters())
	return s[:group] + "-" + s[group:2*group] + "-" + s[2*group:3*group] + "-" + s[3*group:]
}

// Format hides the code for every verb.
func (c Code) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "[one-time code]") }

// MarshalText hides the code from encoders.
func (c Code) MarshalText() ([]byte, error) { return []byte("[one-time code]"), nil }

// Codes computes the MACs of the codes of one purpose. It is safe for concurrent use.
type Codes struct{ keys []keyring.Key }

// For returns the Codes of a purpose, which is a constant of the caller such as "doctor invitation", with the keys of
// ring, which is not the zero Ring.
func For(ring keyring.Ring, purpose string) Codes { return Codes{ring.All(purpose)} }

// MAC returns the MAC of a new code, to be stored: HMAC-SHA-256 of its characters without hyphens under the newest key.
// A stored MAC therefore does not reveal the code, even if the random bits were guessable.
func (c Codes) MAC(code Code) []byte { return mac(c.keys[0], code) }

// MACs returns the MACs of a received code under each key, newest first. A rotated secret thus does not invalidate the
// codes that were created before.
func (c Codes) MACs(code Code) [][]byte {
	macs := make([][]byte, len(c.keys))
	for i, key := range c.keys {
		macs[i] = mac(key, code)
	}
	return macs
}

func mac(key keyring.Key, code Code) []byte {
	h := hmac.New(sha256.New, key.Secret)
	h.Write(code.characters())
	return h.Sum(nil)
}
