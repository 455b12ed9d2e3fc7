// Package keyring derives one key per purpose from each of the operator's secrets, so that a new secret signs while older ones still
// verify. What a key is for, and where the secrets come from, is its users' business. It depends on nothing.
package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

const (
	minSecret = 32          // bytes: as many as the HMAC gives (RFC 7518, section 3.2)
	keySize   = sha256.Size // bytes of a key
	keyIDSize = 8           // bytes of a key's id, 11 characters in base64url
)

// Ring is the operator's secrets, newest first. New makes it; the zero Ring has no keys. It never prints its secrets, and is safe for
// concurrent use.
type Ring struct {
	secrets func() [][]byte // a function, because fmt looks into a struct's unexported fields without asking Format
}

// New makes a ring of the secret that signs, and the previous ones that still verify. A secret that stands in it already is left out.
// Errors: plain, naming the position of a secret of less than 32 bytes and never the secret.
func New(newest []byte, previous ...[]byte) (Ring, error) {
	var secrets [][]byte
	for i, secret := range append([][]byte{newest}, previous...) {
		if len(secret) < minSecret {
			return Ring{}, fmt.Errorf("keyring: secret %d of %d, newest first: want at least %d bytes", i+1, len(previous)+1, minSecret)
		}
		if !slices.ContainsFunc(secrets, func(earlier []byte) bool { return string(earlier) == string(secret) }) {
			secrets = append(secrets, slices.Clone(secret))
		}
	}
	return Ring{func() [][]byte { return secrets }}, nil
}

// Key is what one secret gives for one purpose. It prints as its id.
type Key struct {
	ID     string // 11 characters of base64url: names the key, and gives nothing of it away
	Secret []byte // 32 bytes
}

// ErrNone is what owners refuse the zero Ring with.
var ErrNone = errors.New("keyring: no keys")

// Newest is the key that signs. Purpose is a constant of its owner's, such as "access token", and never ends in "key id", which is how an
// id's text ends. It panics for the zero Ring.
func (r Ring) Newest(purpose string) Key { return derive(r.secrets()[0], purpose) }

// All is every key that verifies, newest first; none for the zero Ring.
func (r Ring) All(purpose string) []Key {
	if r.secrets == nil {
		return nil
	}
	var keys []Key
	for _, secret := range r.secrets() {
		keys = append(keys, derive(secret, purpose))
	}
	return keys
}

// derive is HKDF with SHA-256 and no salt (RFC 5869). Key and id have texts of their own, so that neither tells anything about the other,
// about the secret, or about another purpose; v1 changes when the meaning of what is signed does.
func derive(secret []byte, purpose string) Key {
	return Key{
		ID:     base64.RawURLEncoding.EncodeToString(expand(secret, "healthcare "+purpose+" key id v1", keyIDSize)),
		Secret: expand(secret, "healthcare "+purpose+" v1", keySize),
	}
}

func expand(secret []byte, info string, size int) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, info, size)
	if err != nil {
		panic(err) // only for more than 255 hashes, or a secret of less than 14 bytes
	}
	return key
}

// Format keeps every verb silent, also those that no struct has: fmt reports a misused %d with the value.
func (r Ring) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[%d keys]", len(r.All(""))) }

// Format prints the id, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "key ", k.ID) }

// MarshalText keeps encoders silent too.
func (k Key) MarshalText() ([]byte, error) { return []byte("key " + k.ID), nil }
