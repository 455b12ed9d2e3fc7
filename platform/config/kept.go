package config

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What data_dir holds beside the embedded database, where it is not given.
const (
	SecretKeyFile   = "secret_key"
	AuditKeyFile    = "audit_key"
	CheckpointsFile = "audit-checkpoints.jsonl"
)

// Kept is what the file secret_key in data_dir holds: the newest secret on its first line, and each one before it on a line of its own,
// newest first, with the time since when it only verifies.
type Kept struct {
	Newest   Secret
	Previous []Retired
}

// Retired is a secret that signs no more.
type Retired struct {
	Secret Secret
	At     time.Time // UTC, whole seconds
}

// retiredMark stands between a previous secret and its time (RFC 3339).
const retiredMark = " retired="

const previousAlone = "is set without secret_key (SECRET_KEY): data_dir (DATA_DIR) keeps a secret together with its previous ones, " +
	"see healthcare keys --help"

// KeepsSecret reports whether the secret is one that the server makes and keeps in data_dir, for want of a given one.
func (c Config) KeepsSecret() bool {
	return c.SecretKey == "" && c.Embedded() && c.AppEnv != Production
}

// EnsureSecret completes the configuration with secrets: given ones, or with the embedded store outside production those that are kept in
// data_dir with mode 0600, of which the first is made once. Errors: *Error naming SECRET_KEY or SECRET_KEY_PREVIOUS.
func (c *Config) EnsureSecret() error { return c.completeSecret(keptOrMade) }

func (c *Config) completeSecret(kept func(path string) (Kept, error)) error {
	switch {
	case c.SecretKey != "":
		return nil
	case !c.KeepsSecret():
		return required("secret_key")
	case c.SecretKeyPrevious != "":
		return errorf("%s", refusal("secret_key_previous", previousAlone))
	}
	secrets, err := kept(c.secretPath())
	if err != nil {
		return keyTrouble("secret_key", err)
	}
	c.SecretKey, c.SecretKeyPrevious = secrets.Newest, secrets.previous()
	return nil
}

// RequireKeys completes the configuration as EnsureSecret and EnsureAuditKey do, and makes no key. Errors: as there, and one that says where a key was
// looked for.
func (c *Config) RequireKeys() error {
	if err := c.completeSecret(readKept); err != nil {
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
func (c Config) KeptSecrets() (Kept, error) {
	if c.SecretKeyPrevious != "" {
		return Kept{}, errorf("%s", refusal("secret_key_previous", previousAlone))
	}
	kept, err := readKept(c.secretPath())
	if errors.Is(err, os.ErrNotExist) {
		return Kept{}, notThere("secret_key", c.secretPath())
	}
	if err != nil {
		return Kept{}, errorf("data_dir (DATA_DIR): %v", err)
	}
	return kept, nil
}

func (c Config) secretPath() string { return filepath.Join(c.DataDir, SecretKeyFile) }

func keptOrMade(path string) (Kept, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Kept{}, err
	}
	kept, err := readKept(path)
	if !errors.Is(err, os.ErrNotExist) {
		return kept, err
	}
	if err := makeKept(path); err != nil && !errors.Is(err, os.ErrExist) {
		return Kept{}, err
	}
	return readKept(path) // that of whoever was first
}

// makeKept writes a new secret beside path and links it into place, so that neither a second process nor the start after a crash
// finds half of one.
func makeKept(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".secret_key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := (Kept{Newest: newSecret()}).writeTo(f); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

func newSecret() Secret {
	random := make([]byte, 48)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return Secret(base64.StdEncoding.EncodeToString(random))
}

// writeTo ends with the content on the disk and f closed.
func (k Kept) writeTo(f *os.File) error {
	var lines bytes.Buffer
	lines.WriteString(k.Newest.Reveal() + "\n")
	for _, p := range k.Previous {
		lines.WriteString(p.Secret.Reveal() + retiredMark + p.At.UTC().Format(time.RFC3339) + "\n")
	}
	_, err := f.Write(lines.Bytes())
	return errors.Join(err, f.Sync(), f.Close())
}

// readKept reads a file that writeTo, or an operator, has written. Errors: those of os.ReadFile, and one that names path and quotes nothing.
func readKept(path string) (Kept, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the operator's own data_dir
	if err != nil {
		return Kept{}, err
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	kept := Kept{Newest: Secret(strings.TrimSpace(lines[0]))}
	if kept.Newest == "" || strength(kept.Newest) != nil || strings.Contains(lines[0], retiredMark) {
		return Kept{}, errors.New(path + " holds no usable secret; remove it to have a new one made (everyone signs in again)")
	}
	for i, line := range lines[1:] {
		previous, ok := parseRetired(line)
		if !ok {
			return Kept{}, fmt.Errorf("%s holds no usable secret with the time it was retired in line %d; remove that line (who signed in with it signs in again)", path, i+2)
		}
		kept.Previous = append(kept.Previous, previous)
	}
	return kept, nil
}

func parseRetired(line string) (Retired, bool) {
	text, at, _ := strings.Cut(strings.TrimSpace(line), retiredMark)
	retired, err := time.Parse(time.RFC3339, at)
	return Retired{Secret(text), retired.UTC()}, err == nil && text != "" && listable(Secret(text)) && strength(Secret(text)) == nil
}

// listable is whether a list of previous secrets can hold s, as openssl and this program make them.
func listable(s Secret) bool { return !strings.ContainsFunc(s.Reveal(), separates) }

// previous is the list that secret_key_previous would be.
func (k Kept) previous() Secret {
	var all []string
	for _, p := range k.Previous {
		all = append(all, p.Secret.Reveal())
	}
	return Secret(strings.Join(all, ","))
}
