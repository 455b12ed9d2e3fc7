//go:build !linux

package databasetest

import "os"

// standardErrorOfParent returns this process's standard error, which `go test -v` shows.
func standardErrorOfParent() (*os.File, error) { return os.Stderr, nil }
