package httpserver

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"healthcare/platform/keyring"
)

// cursors seals the place where a page ends. A cursor is opaque, because the place may hold a patient's name, and good only for the
// caller, the list and the filters it was made for: AES-256-GCM with those as additional data (NIST SP 800-38D). The newest key seals and
// all open, so that a link to a page survives a new secret. There is at least one.
type cursors []cipher.AEAD

// Errors: plain, for a ring without keys.
func newCursors(keys keyring.Ring) (cursors, error) {
	var all cursors
	for _, key := range keys.All("list cursor") {
		block, err := aes.NewCipher(key.Secret)
		if err != nil {
			return nil, fmt.Errorf("cursor key: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("cursor key: %w", err)
		}
		all = append(all, aead)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("cursor keys: %w", keyring.ErrNone)
	}
	return all, nil
}

// seal makes the cursor that leads to what comes after key.
func (c cursors) seal(key []string, boundTo []byte) string {
	plain, _ := json.Marshal(key)                 // texts only: it cannot fail
	sealed := c[0].Seal(nil, nil, plain, boundTo) // #nosec G407 -- this AEAD makes its own random nonces
	return base64.RawURLEncoding.EncodeToString(sealed)
}

var errNoCursor = errors.New("not a cursor of this list")

// open reads a cursor back. Errors: errNoCursor for anything that seal did not make for the same binding.
func (c cursors) open(cursor string, boundTo []byte) ([]string, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return nil, errNoCursor
	}
	for _, aead := range c {
		plain, err := aead.Open(nil, nil, sealed, boundTo)
		if err != nil {
			continue // sealed with another key, or not at all
		}
		var key []string
		if err := json.Unmarshal(plain, &key); err != nil {
			return nil, errNoCursor
		}
		return key, nil
	}
	return nil, errNoCursor
}

// binding puts texts together so that no two lists of them come to the same bytes.
func binding(texts ...string) []byte {
	var bound []byte
	for _, text := range texts {
		bound = binary.AppendUvarint(bound, uint64(len(text)))
		bound = append(bound, text...)
	}
	return bound
}
