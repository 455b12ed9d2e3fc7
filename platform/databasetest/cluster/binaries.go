//go:build unix && !aix && !solaris

package cluster

import (
	"cmp"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// debian matches the folders of PostgreSQL's programs on Debian and Ubuntu, which are not on the PATH.
const debian = "/usr/lib/postgresql/*/bin"

// binaries returns the folder of the server's programs: that of postgres on the PATH, else the newest version that
// matches pattern.
// Errors: ErrNotInstalled.
func binaries(pattern string) (string, error) {
	folders, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	slices.SortFunc(folders, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil { // initdb is next to the program, not next to a link
			folders = slices.Insert(folders, 0, filepath.Dir(path))
		}
	}
	for _, folder := range folders {
		if complete(folder) {
			return folder, nil
		}
	}
	return "", fmt.Errorf("%w: postgres and initdb are neither on the PATH nor in %s", ErrNotInstalled, pattern)
}

// version returns 15 for /usr/lib/postgresql/15/bin, and 0 for a folder without a version.
func version(folder string) float64 {
	number, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(folder)), 64)
	return number
}

// complete reports whether the folder has all programs of a server. A client package has only some.
func complete(folder string) bool {
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := exec.LookPath(filepath.Join(folder, program)); err != nil {
			return false
		}
	}
	return true
}
