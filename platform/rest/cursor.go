package rest

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"healthcare/platform/keyring"
	"healthcare/platform/paging"
)

// Cursors encrypts and decrypts cursors, which contain the key of the last item of a page. A cursor is encrypted,
// because the key may contain a patient's name. It is valid only for its caller, list and filters, which are the
// additional data of AES-256-GCM (NIST SP 800-38D). The newest key encrypts and all keys decrypt, so that links to
// pages remain valid after a rotation. There is at least one key.
type Cursors []cipher.AEAD

// NewCursors returns Cursors with the keys of a ring. Errors: a ring without keys.
func NewCursors(keys keyring.Ring) (Cursors, error) {
	var all Cursors
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

// seal returns the cursor of the items after key. If it is longer than room characters, the key is shortened.
func (c Cursors) seal(key []string, boundTo []byte, room int) string {
	plain, _ := json.Marshal(key, jsontext.AllowInvalidUTF8(true)) // never fails for texts
	if base64.RawURLEncoding.EncodedLen(len(plain)+c[0].Overhead()) > room {
		if short, how := paging.Shorten(key); how.First >= 0 {
			first := byte(how.First) //nolint:gosec // a few columns
			plain = append([]byte{first}, binding(append(short, how.Digest)...)...)
		}
	}
	sealed := c[0].Seal(nil, nil, plain, boundTo) // #nosec G407 -- this AEAD generates random nonces
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// longestShort returns the maximum length of the cursor of a shortened key with a number of columns.
func (c Cursors) longestShort(columns int) int {
	text := 1 + paging.KeyText
	return base64.RawURLEncoding.EncodedLen(1 + (columns+1)*text + c[0].Overhead())
}

var errCursor = errors.New("not a cursor of this list")

// open returns the key of a cursor. Errors: errCursor for a text that seal has not returned for the same boundTo.
func (c Cursors) open(cursor string, boundTo []byte) (key []string, how *paging.Shortened, err error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return nil, nil, errCursor
	}
	for _, aead := range c {
		plain, err := aead.Open(nil, nil, sealed, boundTo)
		if err != nil {
			continue // sealed with another key, or not sealed
		}
		if len(plain) > 0 && plain[0] != '[' {
			texts, ok := unbound(plain[1:])
			if how = (&paging.Shortened{First: int(plain[0])}); !ok || how.First >= len(texts)-1 {
				return nil, nil, errCursor
			}
			last := len(texts) - 1
			how.Digest = texts[last]
			return texts[:last], how, nil
		}
		if err := json.Unmarshal(plain, &key); err != nil {
			return nil, nil, errCursor
		}
		return key, nil, nil
	}
	return nil, nil, errCursor
}

// binding encodes texts so that different lists of texts have different encodings.
func binding(texts ...string) []byte {
	var bound []byte
	for _, text := range texts {
		bound = binary.AppendUvarint(bound, uint64(len(text)))
		bound = append(bound, text...)
	}
	return bound
}

// unbound decodes the result of binding.
func unbound(bound []byte) (texts []string, ok bool) {
	for len(bound) > 0 {
		length, size := binary.Uvarint(bound)
		if size <= 0 || length > uint64(len(bound)-size) { //nolint:gosec // not negative
			return nil, false
		}
		end := size + int(length) //nolint:gosec // within bound
		texts, bound = append(texts, string(bound[size:end])), bound[end:]
	}
	return texts, true
}
