package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"healthcare/platform/keyfile"
)

// What data_dir holds beside the embedded database, where it is not given.
const (
	SecretKeyFile   = "secret_key"
	AuditKeyFile    = "audit_key"
	CheckpointsFile = "audit-checkpoints.jsonl"
)

const previousAlone = "is set without secret_key (SECRET_KEY): data_dir (DATA_DIR) keeps a secret together with its previous ones, " +
	"see healthcare keys --help"

// KeepsSecret reports whether the secret is one that the server makes and keeps in data_dir, because none is given.
func (c Config) KeepsSecret() bool {
	return c.SecretKey == "" && c.Embedded() && c.AppEnv != Production
}

// EnsureSecret completes the configuration with secrets: given ones, or with the embedded store outside production those that are kept in
// data_dir with mode 0600, of which the first is made once. Errors: *Error naming SECRET_KEY or SECRET_KEY_PREVIOUS.
func (c *Config) EnsureSecret() error { return c.completeSecret(keyfile.Ensure) }

func (c *Config) completeSecret(read func(path string) (keyfile.Secrets, error)) error {
	switch {
	case c.SecretKey != "":
		return nil
	case !c.KeepsSecret():
		return required("secret_key")
	case c.SecretKeyPrevious != "":
		return errorf("%s", refusal("secret_key_previous", previousAlone))
	}
	secrets, err := read(c.secretPath())
	if err != nil {
		return keyTrouble("secret_key", err)
	}
	c.SecretKey, c.SecretKeyPrevious = secrets.Newest, secrets.List()
	return nil
}

// RequireKeys completes the configuration as EnsureSecret and EnsureAuditKey do, and makes no key. Errors: as there, and one that says where a key was
// looked for.
func (c *Config) RequireKeys() error {
	if err := c.completeSecret(keyfile.Read); err != nil {
		return err
	}
	return c.RequireAuditKey()
}

// keyTrouble says why a key cannot be taken from data_dir.
func keyTrouble(key string, err error) error {
	if missing, ok := errors.AsType[*os.PathError](err); ok && errors.Is(err, os.ErrNotExist) {
		return notThere(key, missing.Path)
	}
	return errorf("%s", refusal(key, "none is given, and none can be kept in data_dir (DATA_DIR): "+err.Error()))
}

// notThere is no error of the configuration: the command is more likely to run in the wrong folder.
func notThere(key, path string) error {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return fmt.Errorf("no %s at %s: run this where the service runs, or set DATA_DIR. The first `healthcare serve` or `healthcare migrate up` makes it", key, path)
}

// KeptSecrets reads what data_dir keeps. Errors: *Error, and one that says where it looked when nothing is kept yet.
func (c Config) KeptSecrets() (keyfile.Secrets, error) {
	if c.SecretKeyPrevious != "" {
		return keyfile.Secrets{}, errorf("%s", refusal("secret_key_previous", previousAlone))
	}
	secrets, err := keyfile.Read(c.secretPath())
	if errors.Is(err, os.ErrNotExist) {
		return keyfile.Secrets{}, notThere("secret_key", c.secretPath())
	}
	if err != nil {
		return keyfile.Secrets{}, errorf("data_dir (DATA_DIR): %v", err)
	}
	return secrets, nil
}

func (c Config) secretPath() string { return filepath.Join(c.DataDir, SecretKeyFile) }

// RotateSecret makes a new secret the newest that data_dir keeps. The former stays as a previous one, and so do those that were retired
// no longer ago than session_lifetime, since nobody is signed in with older ones; with dropAll none stays.
// Errors: nothing is kept yet; *Error: those of keyfile.Rotate.
func (c Config) RotateSecret(now time.Time, dropAll bool) (keyfile.Rotation, error) {
	if _, err := c.KeptSecrets(); err != nil {
		return keyfile.Rotation{}, err
	}
	rotation, err := keyfile.Rotate(c.secretPath(), now, c.SessionLifetime, dropAll)
	if err != nil {
		return rotation, errorf("data_dir (DATA_DIR): %v", err)
	}
	return rotation, nil
}
