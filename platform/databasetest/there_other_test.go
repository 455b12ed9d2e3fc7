//go:build !linux

package databasetest

import "os"

// standardErrorOfParent is out of reach here; this process's own is shown by `go test -v`.
func standardErrorOfParent() (*os.File, error) { return os.Stderr, nil }
