package databasetest

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// The calls of Linux 5.6 that package syscall does not name; the numbers are the same on amd64, arm64 and all newer architectures.
const (
	pidfdOpen  = 434
	pidfdGetFD = 438
)

// standardErrorOfParent is where the process that started this one, `go test`, writes its standard error. Opening it anew is second best: where it
// is a file, go would write over what another handle appended.
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
