package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/keyring"
)

// A token that is sent by e-mail is the user's id, the generation and the second of its expiry with an HMAC of them, in
// base64url: 86 characters, opaque to clients. The HMAC also covers the purpose, the address and, for a reset, the hash
// of the password. So a token becomes invalid when one of them changes, even by an older release.
const (
	mailBody = 16 + 8 + 8 // the user's id, the generation and the second, big endian
	mailSize = mailBody + sha256.Size
)

// NewMail returns the issuer and verifier of tokens that are sent by e-mail. The newest secret signs, all verify.
// Errors: keyring.ErrNone.
func NewMail(keys keyring.Ring) (ports.MailTokens, error) {
	var m mailTokens
	for _, key := range keys.All(identity.MailTokenKeys) {
		m = append(m, key.Secret)
	}
	if len(m) == 0 {
		return nil, keyring.ErrNone
	}
	return m, nil
}

// mailTokens are the keys, newest first.
type mailTokens [][]byte

func (m mailTokens) IssueMail(
	purpose identity.Purpose, user domain.User, claims ports.MailClaims,
) identity.TokenSecret {
	body := make([]byte, 0, mailSize)
	body = append(body, claims.User.UUID[:]...)
	body = binary.BigEndian.AppendUint64(body, uint64(claims.Generation))       //nolint:gosec // at least 0
	body = binary.BigEndian.AppendUint64(body, uint64(claims.ExpiresAt.Unix())) //nolint:gosec // after 1970
	return identity.TokenSecret(base64.RawURLEncoding.EncodeToString(mailMAC(m[0], body, purpose, user)))
}

func (mailTokens) ReadMail(token string) (ports.MailClaims, bool) {
	sent, ok := decodeMail(token)
	if !ok {
		return ports.MailClaims{}, false
	}
	generation, second := binary.BigEndian.Uint64(sent[16:24]), binary.BigEndian.Uint64(sent[24:mailBody])
	if generation > math.MaxInt64 || second > lastSecond {
		return ports.MailClaims{}, false
	}
	return ports.MailClaims{
		User:       identity.UserID{UUID: uuid.UUID(sent[:16])},
		Generation: int64(generation), ExpiresAt: time.Unix(int64(second), 0).UTC(),
	}, true
}

func (m mailTokens) VerifyMail(token string, purpose identity.Purpose, user domain.User) bool {
	sent, ok := decodeMail(token)
	if !ok {
		return false
	}
	for _, key := range m {
		if hmac.Equal(sent, mailMAC(key, sent[:mailBody:mailBody], purpose, user)) {
			return true
		}
	}
	return false
}

func decodeMail(token string) (sent []byte, ok bool) {
	sent, err := base64.RawURLEncoding.Strict().DecodeString(token)
	return sent, err == nil && len(sent) == mailSize && isBase64URL(token) // the decoder skips line breaks
}

// mailMAC returns body followed by the HMAC-SHA-256 of it and of all to which a token is bound. Each text follows its
// length, so that different lists of texts differ.
func mailMAC(key, body []byte, purpose identity.Purpose, user domain.User) []byte {
	texts := []string{string(purpose), string(body), user.Email}
	if purpose == identity.PasswordReset {
		texts = append(texts, user.PasswordHash)
	}
	h := hmac.New(sha256.New, key)
	for _, text := range texts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	return h.Sum(body)
}
