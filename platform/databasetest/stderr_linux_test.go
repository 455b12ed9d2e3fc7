package databasetest

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Calls of Linux 5.6 that package syscall does not name. The numbers are the same on amd64, arm64 and all newer
// architectures.
const (
	pidfdOpen  = 434
	pidfdGetFD = 438
)

// standardErrorOfParent returns the standard error of the process that started this one, `go test`. It duplicates the
// parent's handle if it can. Opening the file again is the second choice: if it is a file, go would overwrite the lines
// that the other handle appended.
func standardErrorOfParent() (*os.File, error) {
	parent, _, failed := syscall.Syscall(pidfdOpen, uintptr(os.Getppid()), 0, 0)
	if failed == 0 {
		defer func() { _ = syscall.Close(int(parent)) }()
		var copied uintptr
		if copied, _, failed = syscall.Syscall(pidfdGetFD, parent, 2, 0); failed == 0 {
			return os.NewFile(copied, "stderr"), nil
		}
	}
	opened, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/2", os.Getppid()), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, errors.Join(failed, err)
	}
	return opened, nil
}
