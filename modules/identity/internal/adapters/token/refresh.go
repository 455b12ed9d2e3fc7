package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"

	"healthcare/modules/identity"
)

// A refresh token is the session's id and the generation with their HMAC, in base64url: 70 characters, opaque to
// clients. It is not stored, so it cannot be stolen from the store. The HMAC of an old token proves that it was issued
// for the session.
const (
	refreshTokenKeys = "refresh token" // the purpose of their keys

	refreshBody = 16 + 4 // the session's id, then the generation, big endian
	refreshSize = refreshBody + sha256.Size
)

func (t *tokens) IssueRefresh(session identity.SessionID, generation int) string {
	body := make([]byte, 0, refreshSize)
	body = append(body, session.UUID[:]...)
	//nolint:gosec // the store keeps it at 0 or above, in 31 bits
	body = binary.BigEndian.AppendUint32(body, uint32(generation))
	return base64.RawURLEncoding.EncodeToString(mac(t.refresh[0], body))
}

func (t *tokens) VerifyRefresh(token string) (identity.SessionID, int, bool) {
	sent, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(sent) != refreshSize || !isBase64URL(token) { // the decoder skips line breaks
		return identity.SessionID{}, 0, false
	}
	for _, key := range t.refresh {
		if hmac.Equal(sent, mac(key, sent[:refreshBody:refreshBody])) {
			generation := binary.BigEndian.Uint32(sent[16:refreshBody])
			return identity.SessionID{UUID: uuid.UUID(sent[:16])}, int(generation), true
		}
	}
	return identity.SessionID{}, 0, false
}

// mac returns body followed by its HMAC-SHA-256.
func mac(key, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(body)
	return h.Sum(body)
}
