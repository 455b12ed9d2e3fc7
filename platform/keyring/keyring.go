// Package keyring derives one key per purpose from each of the operator's secrets, so that a new secret signs while
// older ones still verify. Callers define the purposes and load the secrets.
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
	minSecret = 32          // bytes: the output size of the HMAC (RFC 7518, section 3.2)
	keySize   = sha256.Size // bytes of a key
	keyIDSize = 8           // bytes of a key's id, 11 characters in base64url
)

// Ring holds the operator's secrets, newest first. The zero Ring has no keys. It never prints its secrets, and is safe
// for concurrent use.
type Ring struct {
	secrets func() [][]byte // a function, because fmt prints unexported fields without calling Format
}

// New returns a Ring of the newest secret, which signs, and the previous ones, which still verify. It omits repeated
// secrets. Errors: a plain error with the position of a secret of less than 32 bytes, without the secret.
func New(newest []byte, previous ...[]byte) (Ring, error) {
	var secrets [][]byte
	for i, secret := range append([][]byte{newest}, previous...) {
		if len(secret) < minSecret {
			return Ring{}, fmt.Errorf("keyring: secret %d of %d, newest first: want at least %d bytes",
				i+1, len(previous)+1, minSecret)
		}
		if !slices.ContainsFunc(secrets, func(earlier []byte) bool { return string(earlier) == string(secret) }) {
			secrets = append(secrets, slices.Clone(secret))
		}
	}
	return Ring{func() [][]byte { return secrets }}, nil
}

// Key is the key of one secret for one purpose. It is printed as its id.
type Key struct {
	ID     string // 11 characters of base64url, which reveal nothing about the key
	Secret []byte // 32 bytes
}

// ErrNone is the error that callers return for the zero Ring.
var ErrNone = errors.New("keyring: no keys")

// Newest returns the key that signs. Purpose is a constant of the caller, such as "access token". It must not end in
// "key id", like the texts from which ids are derived. Newest panics for the zero Ring.
func (r Ring) Newest(purpose string) Key { return derive(r.secrets()[0], purpose) }

// All returns every key that verifies, newest first, or nil for the zero Ring.
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

// derive returns the key from HKDF with SHA-256 and no salt (RFC 5869). Key and id are derived from different texts, so
// that neither reveals anything about the other, the secret or another purpose. v1 changes with the meaning of signed
// data.
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

// Format hides the secrets for every verb, because fmt would print the value for an unsuitable verb such as %d.
func (r Ring) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[%d keys]", len(r.All(""))) }

// Format prints the id for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "key ", k.ID) }

// MarshalText hides the secret from encoders.
func (k Key) MarshalText() ([]byte, error) { return []byte("key " + k.ID), nil }
