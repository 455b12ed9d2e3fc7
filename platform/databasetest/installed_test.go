package databasetest

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"healthcare/platform/databasetest/cluster"
)

// TestPostgresInstalled prints a line if PostgreSQL is missing and tests are skipped. With REQUIRE_POSTGRES=1 it fails.
func TestPostgresInstalled(t *testing.T) {
	if _, err := cluster.URL(); errors.Is(err, cluster.ErrNotInstalled) && os.Getenv("REQUIRE_POSTGRES") != "1" {
		// `go test ./...` hides the output of a package that passes, so the line goes to the parent's standard error.
		out, err := standardErrorOfParent()
		if err != nil {
			out = os.Stderr
		}
		fmt.Fprintln(out, Missing)
	}
	postgres(t)
}
