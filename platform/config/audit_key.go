package config

import (
	"path/filepath"

	"healthcare/platform/keyfile"
)

// PreviousAuditKeys are those that audit_key_previous lists, separated by commas or white space.
func (c Config) PreviousAuditKeys() []Secret { return keyfile.Split(c.AuditKeyPrevious) }

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
func (c *Config) EnsureAuditKey() error { return c.completeAuditKey(keyfile.EnsureKey) }

// RequireAuditKey completes the configuration as EnsureAuditKey does, and makes no key. Errors: as there, and one that says where it looked.
func (c *Config) RequireAuditKey() error { return c.completeAuditKey(keyfile.ReadKey) }

func (c *Config) completeAuditKey(read func(path string) (Secret, error)) error {
	if c.AuditKey != "" {
		return nil
	}
	if !c.KeepsAuditKey() {
		return required("audit_key")
	}
	key, err := read(filepath.Join(c.DataDir, AuditKeyFile))
	if err != nil {
		return keyTrouble("audit_key", err)
	}
	c.AuditKey = key
	return nil
}
