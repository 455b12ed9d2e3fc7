//go:build unix && !aix && !solaris

package cluster

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	prefix  = "healthcare-pg-"
	longest = 103 - len("/.s.PGSQL.5432") // of a folder: a socket's path has at most 107 bytes on Linux, 103 on macOS
)

// newFolder makes the server's folder in the temp folder, or in /tmp when a socket's path would be too long there or the
// server's user may not write there. That user makes it, which proves that the same user may remove it. It comes open and locked.
func newFolder(attr *syscall.SysProcAttr) (*os.File, error) {
	var failed error
	for _, temp := range []string{os.TempDir(), "/tmp"} {
		path, err := filepath.Abs(filepath.Join(temp, prefix+rand.Text()[:10]))
		if err != nil || len(path) > longest {
			failed = errors.Join(failed, err)
			continue
		}
		mkdir := exec.Command("mkdir", "-m", "700", path)
		mkdir.SysProcAttr = attr
		if said, err := mkdir.CombinedOutput(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("mkdir: %w: %s", err, said))
			continue
		}
		return lock(path)
	}
	return nil, failed
}

// sweep removes the folders of servers whose supervisors were killed too, so did not do it. A folder in use is locked, until the last
// process of its server has ended; a young one may belong to somebody who is about to lock it.
func sweep(temp string) {
	folders, _ := filepath.Glob(filepath.Join(temp, prefix+"*")) // the pattern is well-formed
	for _, path := range folders {
		if info, err := os.Lstat(path); err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if folder, err := lock(path); err == nil {
			_ = os.RemoveAll(path) // what another user owns stays; the next sweep by that user gets it
			_ = folder.Close()
		}
	}
}

// lock opens and locks a folder, without waiting. The kernel drops the lock when the last process that inherited the file has ended.
func lock(path string) (*os.File, error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return folder, nil
}
