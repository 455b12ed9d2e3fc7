// Package keyfile creates, reads and rotates the files of data_dir that hold a secret. A file is created once, with
// mode 0600. Processes that start at the same time get the same secret, and a crash leaves no partial file.
package keyfile

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

// Secrets are the contents of a file that is rotated: the newest secret on its first line, and each earlier one on a
// line of its own, newest first, with the time since which it only verifies.
type Secrets struct {
	Newest   Secret
	Previous []Retired
}

// Retired is a secret that no longer signs.
type Retired struct {
	Secret Secret
	At     time.Time // UTC, whole seconds
}

// List returns the previous secrets, separated by commas.
func (s Secrets) List() Secret {
	var all []string
	for _, p := range s.Previous {
		all = append(all, p.Secret.Reveal())
	}
	return Secret(strings.Join(all, ","))
}

// Ensure reads the file, after creating it with a new secret if it does not exist. Errors: those of Read.
func Ensure(path string) (Secrets, error) {
	if err := create(path); err != nil {
		return Secrets{}, err
	}
	return Read(path)
}

// EnsureKey is Ensure for a file that holds one key, which is never rotated. Errors: those of ReadKey.
func EnsureKey(path string) (Secret, error) {
	if err := create(path); err != nil {
		return "", err
	}
	return ReadKey(path)
}

// ReadKey reads a file that holds one key. Errors: those of os.ReadFile; one that names path and quotes no content.
func ReadKey(path string) (Secret, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the operator's own data_dir
	if err != nil {
		return "", err
	}
	key := Secret(strings.TrimSpace(string(content)))
	if key == "" || key.Check() != nil {
		return "", errors.New(path + " holds no usable key; put it back from a backup: " +
			"what it has sealed cannot be verified without it")
	}
	return key, nil
}

// retiredMark separates a previous secret from its time (RFC 3339).
const retiredMark = " retired="

// Read reads a file that Ensure, Rotate or an operator has written. Errors: those of os.ReadFile; one that names path
// and quotes no content.
func Read(path string) (Secrets, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the operator's own data_dir
	if err != nil {
		return Secrets{}, err
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	secrets := Secrets{Newest: Secret(strings.TrimSpace(lines[0]))}
	if secrets.Newest == "" || secrets.Newest.Check() != nil || strings.Contains(lines[0], retiredMark) {
		return Secrets{}, errors.New(
			path + " holds no usable secret; remove it to have a new one made (everyone signs in again)")
	}
	for i, line := range lines[1:] {
		previous, ok := parseRetired(line)
		if !ok {
			return Secrets{}, fmt.Errorf("%s holds no usable secret with the time it was retired in line %d; "+
				"remove that line (who signed in with it signs in again)", path, i+2)
		}
		secrets.Previous = append(secrets.Previous, previous)
	}
	return secrets, nil
}

func parseRetired(line string) (Retired, bool) {
	text, at, _ := strings.Cut(strings.TrimSpace(line), retiredMark)
	secret := Secret(text)
	retired, err := time.Parse(time.RFC3339, at)
	return Retired{secret, retired.UTC()}, err == nil && text != "" && secret.listable() && secret.Check() == nil
}

// create writes a new secret to a file that does not exist yet. It links a complete file into place, so that neither a
// second process nor the start after a crash reads half of one.
func create(path string) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return nil // reading reports other errors
	}
	f, err := os.CreateTemp(folder, ".secret_key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := (Secrets{Newest: newSecret()}).writeTo(f); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil // another process was first
}

func newSecret() Secret {
	random := make([]byte, 48)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return Secret(base64.StdEncoding.EncodeToString(random))
}

// writeTo writes and syncs the content, and closes f.
func (s Secrets) writeTo(f *os.File) error {
	var lines bytes.Buffer
	lines.WriteString(s.Newest.Reveal() + "\n")
	for _, p := range s.Previous {
		lines.WriteString(p.Secret.Reveal() + retiredMark + p.At.UTC().Format(time.RFC3339) + "\n")
	}
	_, err := f.Write(lines.Bytes())
	return errors.Join(err, f.Sync(), f.Close())
}
