package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The lengths of a secret's key in bytes (Standard Webhooks, "Signature scheme").
const (
	minKeySize = 24
	newKeySize = 32
	maxKeySize = 64
)

const secretPrefix = "whsec_"

// Secret is the symmetric signing secret of an endpoint. It is never printed: neither in logs and errors nor as JSON.
// The zero Secret has no key and signs nothing.
type Secret struct {
	key *string // fmt ignores Format in unexported fields; of pointers to strings it prints only the address
}

// NewSecret returns a random secret.
func NewSecret() Secret {
	key := make([]byte, newKeySize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return newSecret(key)
}

func newSecret(key []byte) Secret {
	text := string(key)
	return Secret{&text}
}

// ParseSecret parses the text of Reveal. Errors: a sentence without any part of the text.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	secret := newSecret(key)
	if !ok || err != nil || len(key) < minKeySize || len(key) > maxKeySize || secret.Reveal() != text {
		return Secret{}, errors.New("is not a signing secret: whsec_ and 24 to 64 bytes in base64")
	}
	return secret, nil
}

// Reveal returns the secret itself: whsec_ and its key in base64. It returns "" for the zero Secret.
func (s Secret) Reveal() string {
	if s.key == nil {
		return ""
	}
	return secretPrefix + base64.StdEncoding.EncodeToString([]byte(*s.key))
}

// String returns "[redacted]", or "" for the zero Secret.
func (s Secret) String() string {
	if s.key == nil {
		return ""
	}
	return "[redacted]"
}

// Format implements fmt.Formatter for every verb, because fmt would print the key for %d or %#v.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText implements encoding.TextMarshaler, for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Sign returns the value of the header webhook-signature: one signature per secret, separated by spaces. While a secret
// is rotated, a message is signed with both, and a receiver accepts it with either.
func Sign(id string, at time.Time, body []byte, secrets ...Secret) string {
	var signatures []string
	for _, secret := range secrets {
		if secret.key == nil {
			continue
		}
		mac := hmac.New(sha256.New, []byte(*secret.key))
		mac.Write([]byte(id + "." + timestamp(at) + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " ")
}

// timestamp returns the value of the header webhook-timestamp.
func timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
