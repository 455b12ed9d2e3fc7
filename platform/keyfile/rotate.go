package keyfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Rotation is the result of Rotate.
type Rotation struct {
	Secrets Secrets   // the new content of the file
	Dropped []Retired // secrets of the former content that Secrets lacks
}

// Rotate adds a new secret to a file as its newest. The former newest becomes a previous secret. Rotate drops previous
// secrets that were retired more than lifetime ago, or all with dropAll. A crash leaves either the former or the new
// content. Errors: the file does not exist or is unusable; another rotation is running; the file was replaced, but not
// synced. After any other error the file is unchanged.
func Rotate(path string, now time.Time, lifetime time.Duration, dropAll bool) (Rotation, error) {
	if _, err := Read(path); err != nil {
		return Rotation{}, err // before creating a file, because it may be the wrong folder
	}
	// #nosec G304 -- the operator's own data_dir
	next, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return Rotation{}, fmt.Errorf(
			"another rotation is under way; if none is, remove %s, which one that was killed has left", path+".new")
	}
	if err != nil {
		return Rotation{}, err
	}
	rotation, err := replace(path, next, now.UTC().Truncate(time.Second), lifetime, dropAll)
	if err != nil {
		_, _ = next.Close(), os.Remove(next.Name())
		return Rotation{}, err
	}
	return rotation, syncFolder(filepath.Dir(path))
}

// replace reads the file, which no other process can rotate while next exists, and replaces it by next.
func replace(path string, next *os.File, now time.Time, lifetime time.Duration, dropAll bool) (Rotation, error) {
	former, err := Read(path)
	if err != nil {
		return Rotation{}, err
	}
	if !dropAll && !former.Newest.listable() {
		return Rotation{}, fmt.Errorf("the secret in %s holds a comma or white space, "+
			"so it cannot be kept as a previous one; --drop-previous replaces it, and signs everybody out", path)
	}
	rotation := former.rotate(now, lifetime, dropAll)
	if err := rotation.Secrets.writeTo(next); err != nil {
		return Rotation{}, err
	}
	return rotation, os.Rename(next.Name(), path)
}

// rotate returns the secrets after a rotation at now, and the dropped ones.
func (s Secrets) rotate(now time.Time, lifetime time.Duration, dropAll bool) Rotation {
	previous := slices.Insert(slices.Clone(s.Previous), 0, Retired{s.Newest, now})
	rotation := Rotation{Secrets: Secrets{Newest: newSecret()}}
	for _, p := range previous {
		if dropAll || now.Sub(p.At) > lifetime {
			rotation.Dropped = append(rotation.Dropped, p)
		} else {
			rotation.Secrets.Previous = append(rotation.Secrets.Previous, p)
		}
	}
	return rotation
}

// syncFolder makes the rename durable. Otherwise a power cut could restore the former file, after tokens were signed
// with the new secret.
func syncFolder(path string) error {
	folder, err := os.Open(path) // #nosec G304 -- the operator's own data_dir
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
	}
	if err != nil {
		return fmt.Errorf("the secret was rotated, but may not survive a power cut: %w", err)
	}
	return nil
}
