package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Secret is text that never prints: not in a log, not in an error, not as JSON.
type Secret string

const redacted = "[redacted]"

// Reveal is the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String says only whether there is a secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format keeps every verb silent, also those that no text has: fmt reports a misused %d with the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText keeps encoders silent too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// minSecretBytes is the key length of HMAC-SHA-256 (RFC 7518, section 3.2).
const minSecretBytes = 32

// examples are marks of a value copied from documentation.
var examples = []string{"change-me", "change_me", "changeme", "change-this", "change_this", "django-insecure", "your-secret", "your_secret", "example", "placeholder"}

// strength refuses a secret that is short, repetitive or taken from an example, without repeating it.
func strength(s Secret) error {
	if s == "" {
		return nil // whether one is required is EnsureSecret's question
	}
	if len(s) < minSecretBytes {
		return errors.New("must have at least 32 bytes; make one with: openssl rand -base64 48")
	}
	seen := map[byte]bool{}
	for i := range len(s) {
		seen[s[i]] = true
	}
	lower := strings.ToLower(s.Reveal())
	for _, mark := range examples {
		if strings.Contains(lower, mark) {
			return errors.New("looks like an example value; make one with: openssl rand -base64 48")
		}
	}
	if len(seen) < 8 {
		return errors.New("has too few different characters; make one with: openssl rand -base64 48")
	}
	return nil
}

// PreviousSecrets are those that secret_key_previous lists, separated by commas or white space.
func (c Config) PreviousSecrets() []Secret { return listed(c.SecretKeyPrevious) }

func listed(secrets Secret) []Secret {
	var all []Secret
	for _, text := range strings.FieldsFunc(secrets.Reveal(), separates) {
		all = append(all, Secret(text))
	}
	return all
}

func separates(r rune) bool { return r == ',' || unicode.IsSpace(r) }

// previousStrength holds every previous secret that list says to the rule of the newest, naming the position of one that breaks it.
func previousStrength(list Secret, all []Secret) error {
	if len(all) == 0 && list != "" {
		return errors.New("holds no secret")
	}
	for i, secret := range all {
		if err := strength(secret); err != nil {
			return fmt.Errorf("secret %d of %d %w", i+1, len(all), err)
		}
	}
	return nil
}
