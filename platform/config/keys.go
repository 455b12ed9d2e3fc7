package config

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"healthcare/platform/keyfile"
)

// Names of the files in data_dir other than the embedded database.
const (
	SecretKeyFile   = "secret_key"
	AuditKeyFile    = "audit_key"
	CheckpointsFile = "audit-checkpoints.jsonl"
)

const previousAlone = "is set without secret_key (SECRET_KEY): data_dir (DATA_DIR) stores a secret together with its " +
	"previous ones, see healthcare keys --help"

// GeneratesSecret reports whether the server generates the secret and stores it in data_dir, because none is
// configured.
func (c Config) GeneratesSecret() bool {
	return c.SecretKey == "" && c.Embedded() && c.AppEnv != Production
}

// EnsureSecret sets the secrets that are not configured. With the embedded store outside production it reads them from
// data_dir, and generates the first one there with mode 0600. Errors: *Error, which names SECRET_KEY or
// SECRET_KEY_PREVIOUS.
func (c *Config) EnsureSecret() error { return c.completeSecret(keyfile.Ensure) }

func (c *Config) completeSecret(read func(path string) (keyfile.Secrets, error)) error {
	switch {
	case c.SecretKey != "":
		return nil
	case !c.GeneratesSecret():
		return required("secret_key")
	case c.SecretKeyPrevious != "":
		return errorf("%s", keyError("secret_key_previous", previousAlone))
	}
	secrets, err := read(c.secretPath())
	if err != nil {
		return unusableKey("secret_key", err)
	}
	c.SecretKey, c.SecretKeyPrevious = secrets.Newest, secrets.List()
	return nil
}

// RequireKeys sets the keys as EnsureSecret and EnsureAuditKey do, but generates none. Errors: *Error, which names the
// path of a missing key.
func (c *Config) RequireKeys() error {
	if err := c.completeSecret(keyfile.Read); err != nil {
		return err
	}
	return c.RequireAuditKey()
}

// unusableKey returns the error for a key that cannot be read from data_dir.
func unusableKey(key string, err error) error {
	if missing, ok := errors.AsType[*os.PathError](err); ok && errors.Is(err, os.ErrNotExist) {
		return missingKey(key, missing.Path)
	}
	return errorf("%s", keyError(key, "is not set, and cannot be stored in data_dir (DATA_DIR): "+err.Error()))
}

// missingKey returns an error for a missing file: probably, the command runs in the wrong folder. Errors: *Error.
func missingKey(key, path string) error {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return errorf("no %s at %s: run this where the service runs, or set DATA_DIR. "+
		"The first `healthcare serve` or `healthcare migrate up` generates it", key, path)
}

// StoredSecrets reads the secrets in data_dir. Errors: *Error, which names the path if there are none yet.
func (c Config) StoredSecrets() (keyfile.Secrets, error) {
	if c.SecretKeyPrevious != "" {
		return keyfile.Secrets{}, errorf("%s", keyError("secret_key_previous", previousAlone))
	}
	secrets, err := keyfile.Read(c.secretPath())
	if errors.Is(err, os.ErrNotExist) {
		return keyfile.Secrets{}, missingKey("secret_key", c.secretPath())
	}
	if err != nil {
		return keyfile.Secrets{}, errorf("data_dir (DATA_DIR): %v", err)
	}
	return secrets, nil
}

func (c Config) secretPath() string { return filepath.Join(c.DataDir, SecretKeyFile) }

// RotateSecret generates a new secret in data_dir. The current secret becomes a previous one. Previous secrets that
// were retired longer ago than session_lifetime are dropped, because no session depends on them; with dropAll all are
// dropped. Errors: those of StoredSecrets; those of keyfile.Rotate, as *Error.
func (c Config) RotateSecret(now time.Time, dropAll bool) (keyfile.Rotation, error) {
	if _, err := c.StoredSecrets(); err != nil {
		return keyfile.Rotation{}, err
	}
	rotation, err := keyfile.Rotate(c.secretPath(), now, c.SessionLifetime, dropAll)
	if err != nil {
		return rotation, errorf("data_dir (DATA_DIR): %v", err)
	}
	return rotation, nil
}
