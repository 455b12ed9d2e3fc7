// Package keyfile creates, reads and rotates the files of data_dir that hold a secret. A file is created once, with
// mode 0600. Processes that start at the same time read the same secret, and a crash leaves no partial file.
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

// Secrets is the content of a file that is rotated. The first line has the newest secret. Each further line has a
// previous secret, newest first, and the time at which it was retired: since then it only verifies.
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

// Ensure reads the file. If it does not exist, Ensure first creates it with a new secret. Errors: those of Read.
func Ensure(path string) (Secrets, error) {
	if err := create(path); err != nil {
		return Secrets{}, err
	}
	return Read(path)
}

// EnsureKey is like Ensure, for a file with a single key, which is never rotated. Errors: those of ReadKey.
func EnsureKey(path string) (Secret, error) {
	if err := create(path); err != nil {
		return "", err
	}
	return ReadKey(path)
}

// ReadKey reads a file with a single key. Errors: those of os.ReadFile; an error that names path and quotes no content.
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

// Read reads a file that Ensure, Rotate or an operator has written. Errors: those of os.ReadFile; an error that names
// path and quotes no content.
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

// create writes a new secret to a file that does not exist yet. It links a complete file to path, so that neither a
// concurrent process nor the start after a crash reads a partial file.
func create(path string) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return nil // the caller's read reports other errors
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
	return nil // another process has created it
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
