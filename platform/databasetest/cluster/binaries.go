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

// debian is where Debian and Ubuntu put each version, off the PATH.
const debian = "/usr/lib/postgresql/*/bin"

// binaries is the folder of the server's programs: that of postgres on the PATH, else the newest version that matches pattern.
// Errors: ErrNotInstalled.
func binaries(pattern string) (string, error) {
	folders, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	slices.SortFunc(folders, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil { // initdb sits beside the program, not beside a link to it
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

// version reads 15 from /usr/lib/postgresql/15/bin and 9.6 likewise; anything else is oldest.
func version(folder string) float64 {
	number, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(folder)), 64)
	return number
}

// complete tells a server from a client package, which has some of the programs.
func complete(folder string) bool {
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := exec.LookPath(filepath.Join(folder, program)); err != nil {
			return false
		}
	}
	return true
}
