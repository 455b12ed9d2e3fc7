package databasetest

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"healthcare/platform/databasetest/cluster"
)

// TestPostgreSQLIsThere is the one test that says aloud when PostgreSQL is missing and half of the tests are skipped; where REQUIRE_POSTGRES=1
// it fails then, as all of them do.
func TestPostgreSQLIsThere(t *testing.T) {
	if _, err := cluster.URL(); errors.Is(err, cluster.ErrNotInstalled) && os.Getenv("REQUIRE_POSTGRES") != "1" {
		// `go test ./...` keeps the output of a package that passes to itself, so the line goes to go's own standard error.
		out, err := standardErrorOfParent()
		if err != nil {
			out = os.Stderr
		}
		fmt.Fprintln(out, Missing)
	}
	postgres(t)
}
