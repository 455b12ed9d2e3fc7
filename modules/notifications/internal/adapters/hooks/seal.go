package hooks

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/platform/keyring"
	"healthcare/platform/webhook"
)

// secretKeys is the purpose of the keys that seal signing secrets.
const secretKeys = "webhook secret"

// sealer seals signing secrets with AES-256-GCM and random nonces. The id of the endpoint is authenticated, so that a
// secret cannot be moved to another one.
type sealer struct {
	newest string // the id of a key
	keys   map[string]cipher.AEAD
}

func newSealer(ring keyring.Ring) (sealer, error) {
	s := sealer{keys: map[string]cipher.AEAD{}}
	for i, key := range ring.All(secretKeys) {
		block, err := aes.NewCipher(key.Secret)
		if err != nil {
			return sealer{}, fmt.Errorf("webhook secrets: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return sealer{}, fmt.Errorf("webhook secrets: %w", err)
		}
		if s.keys[key.ID] = aead; i == 0 {
			s.newest = key.ID
		}
	}
	if len(s.keys) == 0 {
		return sealer{}, fmt.Errorf("webhook secrets: %w", keyring.ErrNone)
	}
	return s, nil
}

const separator = "."

func (s sealer) seal(of notifications.EndpointID, secret webhook.Secret) domain.SealedSecret {
	sealed := s.keys[s.newest].Seal(nil, nil, []byte(secret.Reveal()), of.UUID[:]) // #nosec G407 -- random nonces
	return domain.SealedSecret(s.newest + separator + base64.RawStdEncoding.EncodeToString(sealed))
}

// isNewest reports whether a secret is sealed with the newest key.
func (s sealer) isNewest(secret domain.SealedSecret) bool {
	return strings.HasPrefix(string(secret), s.newest+separator)
}

// errSealed is the error of a secret that no key of the operator opens. It shows nothing of the secret.
var errSealed = errors.New("the signing secret of an endpoint was sealed with a SECRET_KEY that is not configured")

// open returns a sealed secret. Errors: errSealed.
func (s sealer) open(of notifications.EndpointID, secret domain.SealedSecret) (webhook.Secret, error) {
	id, encoded, _ := strings.Cut(string(secret), separator)
	sealed, err := base64.RawStdEncoding.DecodeString(encoded)
	key, known := s.keys[id]
	if err != nil || !known {
		return webhook.Secret{}, errSealed
	}
	text, err := key.Open(nil, nil, sealed, of.UUID[:])
	if err != nil {
		return webhook.Secret{}, errSealed
	}
	opened, err := webhook.ParseSecret(string(text))
	if err != nil {
		return webhook.Secret{}, errSealed
	}
	return opened, nil
}
