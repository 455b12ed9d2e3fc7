package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
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

// GoString keeps %#v silent too.
func (s Secret) GoString() string { return s.String() }

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
		return errorf("secret_key (SECRET_KEY): is required with PostgreSQL and in production; make one with: openssl rand -base64 48")
	}
	kept, err := keptSecret(filepath.Join(c.DataDir, "secret_key"))
	if err != nil {
		return errorf("secret_key (SECRET_KEY): %v", err)
	}
	c.SecretKey = kept
	return nil
}

func keptSecret(path string) (Secret, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // #nosec G304 -- the operator's own data_dir
	if errors.Is(err, os.ErrExist) {
		return readSecret(path)
	}
	if err != nil {
		return "", err
	}
	random := make([]byte, 48)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	made := base64.StdEncoding.EncodeToString(random)
	if _, err := f.WriteString(made + "\n"); err != nil {
		return "", err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return "", err
	}
	return Secret(made), nil
}

func readSecret(path string) (Secret, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the operator's own data_dir
	if err != nil {
		return "", err
	}
	kept := Secret(strings.TrimSpace(string(content)))
	if len(kept) < minSecretBytes {
		return "", errors.New(path + " holds no usable secret; remove it to have a new one made (everyone signs in again)")
	}
	return kept, nil
}
