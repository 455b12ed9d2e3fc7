package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Rotation is what RotateSecret did.
type Rotation struct {
	Kept    Kept      // what data_dir keeps now
	Dropped []Retired // what was kept before
}

// RotateSecret makes a new secret the newest that data_dir keeps. The former stays as a previous one, and so do those that were retired
// no longer ago than session_lifetime, since nobody is signed in with older ones; with dropAll none stays. A crash leaves the file as it was
// or as it is to be. Errors: nothing is kept yet; *Error: what is kept cannot be used, or another rotation is under way; the file is as it
// was, unless the error says otherwise.
func (c Config) RotateSecret(now time.Time, dropAll bool) (Rotation, error) {
	path := c.secretPath()
	if _, err := c.KeptSecrets(); err != nil {
		return Rotation{}, err // before anything is written: it may be the wrong data_dir
	}
	next, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the operator's own data_dir
	if errors.Is(err, os.ErrExist) {
		return Rotation{}, errorf("data_dir (DATA_DIR): another rotation is under way; if none is, remove %s, which one that was killed has left", path+".new")
	}
	if err != nil {
		return Rotation{}, errorf("data_dir (DATA_DIR): %v", err)
	}
	done, err := c.replaceKept(next, now.UTC().Truncate(time.Second), dropAll)
	if err != nil {
		_, _ = next.Close(), os.Remove(next.Name())
		return Rotation{}, err
	}
	return done, syncFolder(filepath.Dir(path))
}

// replaceKept reads what is kept once nobody else can rotate it, which is as long as next is there, and puts next in its place.
func (c Config) replaceKept(next *os.File, now time.Time, dropAll bool) (Rotation, error) {
	former, err := c.KeptSecrets()
	if err != nil {
		return Rotation{}, err
	}
	if !dropAll && !listable(former.Newest) {
		return Rotation{}, errorf("data_dir (DATA_DIR): the secret in %s holds a comma or white space, so it cannot be kept as a previous one; "+
			"--drop-previous replaces it, and signs everybody out", c.secretPath())
	}
	done := former.rotated(now, c.SessionLifetime, dropAll)
	if err := done.Kept.writeTo(next); err != nil {
		return Rotation{}, errorf("data_dir (DATA_DIR): %v", err)
	}
	if err := os.Rename(next.Name(), c.secretPath()); err != nil {
		return Rotation{}, errorf("data_dir (DATA_DIR): %v", err)
	}
	return done, nil
}

// rotated is the rule: what is kept, and what is dropped, when a new secret is made at now.
func (k Kept) rotated(now time.Time, lifetime time.Duration, dropAll bool) Rotation {
	previous := slices.Insert(slices.Clone(k.Previous), 0, Retired{k.Newest, now})
	done := Rotation{Kept: Kept{Newest: newSecret()}}
	for _, p := range previous {
		if dropAll || now.Sub(p.At) > lifetime {
			done.Dropped = append(done.Dropped, p)
		} else {
			done.Kept.Previous = append(done.Kept.Previous, p)
		}
	}
	return done
}

// syncFolder has the rename survive a power cut: without it, tokens of the new secret could find the former file again.
func syncFolder(path string) error {
	folder, err := os.Open(path) // #nosec G304 -- the operator's own data_dir
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
	}
	if err != nil {
		return errorf("data_dir (DATA_DIR): the secret was rotated, but may not survive a power cut: %v", err)
	}
	return nil
}
