package config

import (
	"path/filepath"

	"healthcare/platform/keyfile"
)

// PreviousAuditKeys returns the keys in audit_key_previous, which are separated by commas or white space.
func (c Config) PreviousAuditKeys() []Secret { return keyfile.Split(c.AuditKeyPrevious) }

// AuditCheckpointsPath returns the path of the file that the audit trail's checkpoints are appended to.
func (c Config) AuditCheckpointsPath() string {
	if c.AuditCheckpoints != "" {
		return c.AuditCheckpoints
	}
	return filepath.Join(c.DataDir, CheckpointsFile)
}

// GeneratesAuditKey reports whether the server generates the audit key and stores it in data_dir, because none is
// configured.
func (c Config) GeneratesAuditKey() bool {
	return c.AuditKey == "" && c.Embedded() && c.AppEnv != Production
}

// EnsureAuditKey sets the key that seals the audit trail, if it is not configured. With the embedded store outside
// production it reads the key from data_dir, and generates it there once with mode 0600. It differs from the secret key
// because it must be kept as long as the trail. Errors: *Error, which names AUDIT_KEY.
func (c *Config) EnsureAuditKey() error { return c.completeAuditKey(keyfile.EnsureKey) }

// RequireAuditKey sets the key as EnsureAuditKey does, but generates none. Errors: *Error, which names the path of
// a missing key.
func (c *Config) RequireAuditKey() error { return c.completeAuditKey(keyfile.ReadKey) }

func (c *Config) completeAuditKey(read func(path string) (Secret, error)) error {
	if c.AuditKey != "" {
		return nil
	}
	if !c.GeneratesAuditKey() {
		return required("audit_key")
	}
	key, err := read(filepath.Join(c.DataDir, AuditKeyFile))
	if err != nil {
		return unusableKey("audit_key", err)
	}
	c.AuditKey = key
	return nil
}
