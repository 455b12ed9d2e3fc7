package checkup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Thresholds of free space, in bytes.
const (
	littleSpace = 1 << 30
	noSpace     = 100 << 20
)

// Disk reports the free space of a folder, which need not exist yet.
func Disk(folder string) Finding {
	existing, err := filepath.Abs(folder)
	for err == nil {
		_, statErr := os.Stat(existing)
		if statErr == nil || existing == filepath.Dir(existing) {
			break
		}
		existing = filepath.Dir(existing)
	}
	free := uint64(0)
	if err == nil {
		free, err = freeSpace(existing)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return NewFinding(Warn, "disk", "the free space of %s cannot be read on this system", folder)
	}
	if err != nil {
		return NewFinding(Warn, "disk", "the free space of %s cannot be read: %v", folder, err)
	}
	return findingOf(free, folder)
}

func findingOf(free uint64, folder string) Finding {
	text := fmt.Sprintf("%d MiB free in %s", free>>20, folder)
	switch {
	case free < noSpace:
		return NewFinding(Fail, "disk", "%s: free more space, or writes will fail", text)
	case free < littleSpace:
		return NewFinding(Warn, "disk", "%s: free more space soon", text)
	}
	return NewFinding(OK, "disk", "%s", text)
}
