// Package links makes the addresses in messages, and reads those that end messages of a kind.
package links

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/platform/keyring"
)

type links struct {
	public string
	keys   keyring.Ring
}

// unsubscribeKeys is the purpose of the keys of these addresses.
const unsubscribeKeys = "unsubscribe"

const macSize = 16 // bytes

// New returns Links with keys of the ring.
func New(cfg notifications.Config, keys keyring.Ring) ports.Links { return links{cfg.PublicURL, keys} }

// pages are the pages of the app that messages lead to. A token follows in the fragment, which is sent to no server.
var pages = map[notifications.Kind]string{
	notifications.PasswordReset:     "/reset-password",
	notifications.EmailVerification: "/verify-email",
}

func (l links) Page(kind notifications.Kind) string {
	if l.public == "" {
		return ""
	}
	return l.public + pages[kind]
}

// Unsubscribe returns an address whose token does not expire, because messages are kept.
func (l links) Unsubscribe(recipient uuid.UUID, kind notifications.Kind) string {
	if l.public == "" {
		return ""
	}
	token := append(recipient[:], mac(l.keys.Newest(unsubscribeKeys), recipient, kind)...)
	return l.public + "/unsubscribe/" + string(kind) + "." + base64.RawURLEncoding.EncodeToString(token)
}

func mac(key keyring.Key, recipient uuid.UUID, kind notifications.Kind) []byte {
	hash := hmac.New(sha256.New, key.Secret)
	_, _ = hash.Write(recipient[:]) // a hash never returns an error
	_, _ = hash.Write([]byte(kind))
	return hash.Sum(nil)[:macSize]
}

func (l links) Read(link string) (recipient uuid.UUID, kind notifications.Kind, err error) {
	end := max(0, strings.LastIndexByte(link, '.')) // a kind has dots, a token has none
	kind = notifications.Kind(link[:end])
	token, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimPrefix(link[end:], "."))
	if err != nil || len(token) != len(recipient)+macSize || !domain.Declinable(kind) {
		return uuid.Nil, "", notifications.ErrUnknownLink
	}
	recipient = uuid.UUID(token[:len(recipient)])
	for _, key := range l.keys.All(unsubscribeKeys) {
		if hmac.Equal(token[len(recipient):], mac(key, recipient, kind)) {
			return recipient, kind, nil
		}
	}
	return uuid.Nil, "", notifications.ErrUnknownLink
}
