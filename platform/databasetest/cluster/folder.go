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
	longest = 103 - len("/.s.PGSQL.5432") // of a folder; a socket's path has up to 107 bytes on Linux, 103 on macOS
)

// newFolder creates the server's folder and returns it open and locked. It is in the temp folder, or in /tmp if the
// socket's path would be too long there or the server's user may not write there. The server's user creates the folder,
// so that it can remove it.
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
		if output, err := mkdir.CombinedOutput(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("mkdir: %w: %s", err, output))
			continue
		}
		return lock(path)
	}
	return nil, failed
}

// sweep removes the folders of servers whose supervisors were killed. A folder in use is locked until the last process
// of its server has ended. A folder that is younger than a minute may be about to be locked.
func sweep(temp string) {
	folders, _ := filepath.Glob(filepath.Join(temp, prefix+"*")) // the pattern is well-formed
	for _, path := range folders {
		if info, err := os.Lstat(path); err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if folder, err := lock(path); err == nil {
			_ = os.RemoveAll(path) // files of another user remain until that user sweeps
			_ = folder.Close()
		}
	}
}

// lock opens and locks a folder, without waiting. The kernel releases the lock when the last process that inherited the
// file has ended.
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
