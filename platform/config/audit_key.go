package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// PreviousAuditKeys are those that audit_key_previous lists, separated by commas or white space.
func (c Config) PreviousAuditKeys() []Secret { return listed(c.AuditKeyPrevious) }

// AuditCheckpointsPath is the file that the audit trail's checkpoints are appended to.
func (c Config) AuditCheckpointsPath() string {
	if c.AuditCheckpoints != "" {
		return c.AuditCheckpoints
	}
	return filepath.Join(c.DataDir, CheckpointsFile)
}

// KeepsAuditKey reports whether the audit key is one that the server makes and keeps in data_dir, because none is given.
func (c Config) KeepsAuditKey() bool {
	return c.AuditKey == "" && c.Embedded() && c.AppEnv != Production
}

// EnsureAuditKey completes the configuration with the key that proves the audit trail: a given one, or with the embedded store outside production one
// that is made once and kept in data_dir with mode 0600. It is not the secret key, because it must be there as long as the trail is.
// Errors: *Error naming AUDIT_KEY.
func (c *Config) EnsureAuditKey() error { return c.completeAuditKey(keptAuditKey) }

// RequireAuditKey completes the configuration as EnsureAuditKey does, and makes no key. Errors: as there, and one that says where it looked.
func (c *Config) RequireAuditKey() error { return c.completeAuditKey(readAuditKey) }

func (c *Config) completeAuditKey(kept func(path string) (Secret, error)) error {
	if c.AuditKey != "" {
		return nil
	}
	if !c.KeepsAuditKey() {
		return required("audit_key")
	}
	key, err := kept(filepath.Join(c.DataDir, AuditKeyFile))
	if err != nil {
		return keyTrouble("audit_key", err)
	}
	c.AuditKey = key
	return nil
}

func keptAuditKey(path string) (Secret, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	key, err := readAuditKey(path)
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	if err := makeKept(path); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return readAuditKey(path) // that of whoever was first
}

func readAuditKey(path string) (Secret, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the operator's own data_dir
	if err != nil {
		return "", err
	}
	key := Secret(strings.TrimSpace(string(content)))
	if key == "" || strength(key) != nil {
		return "", errors.New(path + " holds no usable key; put it back from a backup: what it has sealed cannot be verified without it")
	}
	return key, nil
}
