package httpserver

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// cursors seals the place where a page ends. A cursor is opaque, because the place may hold a patient's name, and good only for the
// caller, the list and the filters it was made for: AES-256-GCM with those as additional data (NIST SP 800-38D).
type cursors struct{ aead cipher.AEAD }

func newCursors(secret []byte) (cursors, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "healthcare list cursor v1", 32)
	if err != nil {
		return cursors{}, fmt.Errorf("cursor key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return cursors{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return cursors{aead}, err
}

// seal makes the cursor that leads to what comes after key.
func (c cursors) seal(key []string, boundTo []byte) string {
	plain, _ := json.Marshal(key)                   // texts only: it cannot fail
	sealed := c.aead.Seal(nil, nil, plain, boundTo) // #nosec G407 -- this AEAD makes its own random nonces
	return base64.RawURLEncoding.EncodeToString(sealed)
}

var errNoCursor = errors.New("not a cursor of this list")

// open reads a cursor back. Errors: errNoCursor for anything that seal did not make for the same binding.
func (c cursors) open(cursor string, boundTo []byte) ([]string, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return nil, errNoCursor
	}
	plain, err := c.aead.Open(nil, nil, sealed, boundTo)
	if err != nil {
		return nil, errNoCursor
	}
	var key []string
	if err := json.Unmarshal(plain, &key); err != nil {
		return nil, errNoCursor
	}
	return key, nil
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
