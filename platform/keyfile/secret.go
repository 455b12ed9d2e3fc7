package keyfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Secret is text that is never printed: neither in logs and errors nor as JSON.
type Secret string

const redacted = "[redacted]"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]", or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format implements fmt.Formatter for every verb, because fmt would print the value for an unsuitable verb such as %d.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText implements encoding.TextMarshaler, for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// minBytes is the key length of HMAC-SHA-256 (RFC 7518, section 3.2).
const minBytes = 32

// examples are parts of example values in documentation.
var examples = []string{
	"change-me", "change_me", "changeme", "change-this", "change_this", "django-insecure", "your-secret", "your_secret",
	"example", "placeholder",
}

// Check rejects a secret that is short, repetitive or taken from an example. It accepts the empty secret. Errors: a
// plain error without the secret.
func (s Secret) Check() error {
	if s == "" {
		return nil
	}
	if len(s) < minBytes {
		return errors.New("must have at least 32 bytes; generate one with: openssl rand -base64 48")
	}
	seen := map[byte]bool{}
	for i := range len(s) {
		seen[s[i]] = true
	}
	lower := strings.ToLower(s.Reveal())
	for _, part := range examples {
		if strings.Contains(lower, part) {
			return errors.New("looks like an example value; generate one with: openssl rand -base64 48")
		}
	}
	if len(seen) < 8 {
		return errors.New("has too few different characters; generate one with: openssl rand -base64 48")
	}
	return nil
}

// Split returns the secrets of a list, which are separated by commas or white space.
func Split(list Secret) []Secret {
	var all []Secret
	for _, text := range strings.FieldsFunc(list.Reveal(), separates) {
		all = append(all, Secret(text))
	}
	return all
}

func separates(r rune) bool { return r == ',' || unicode.IsSpace(r) }

// listable reports whether s can be part of a list.
func (s Secret) listable() bool { return !strings.ContainsFunc(s.Reveal(), separates) }
