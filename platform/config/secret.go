package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// EnsureSecret completes the configuration with a secret: a given one, or with the embedded store outside production one that is made
// once and kept in data_dir with mode 0600. Errors: *Error naming SECRET_KEY.
func (c *Config) EnsureSecret() error {
	if c.SecretKey != "" {
		return nil
	}
	if !c.Embedded() || c.AppEnv == Production {
		return errorf("%s", refusal("secret_key", "is required with PostgreSQL and in production; make one with: openssl rand -base64 48"))
	}
	kept, err := keptSecret(filepath.Join(c.DataDir, "secret_key"))
	if err != nil {
		return errorf("%s", refusal("secret_key", "none is given, and none can be kept in data_dir (DATA_DIR): "+err.Error()))
	}
	c.SecretKey = kept
	return nil
}

func keptSecret(path string) (Secret, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	kept, err := readSecret(path)
	if !errors.Is(err, os.ErrNotExist) {
		return kept, err
	}
	if err := makeSecret(path); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return readSecret(path) // that of whoever was first
}

// makeSecret writes a new secret beside path and links it into place, so that neither a second process nor the start after a crash
// finds half of one.
func makeSecret(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".secret_key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	random := make([]byte, 48)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(random) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

func readSecret(path string) (Secret, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the operator's own data_dir
	if err != nil {
		return "", err
	}
	kept := Secret(strings.TrimSpace(string(content)))
	if kept == "" || strength(kept) != nil {
		return "", errors.New(path + " holds no usable secret; remove it to have a new one made (everyone signs in again)")
	}
	return kept, nil
}
