// Package security tests what the service must never do: show or change another user's data, exceed a role, write
// undeclared columns, put values into SQL, log private data, or act without an entry in the audit trail.
// Most tests generate their requests from the contract, so that they cover a new route, parameter or field at once.
// Tests belong here when they assert a requirement about access, privacy or the audit trail over all routes.
// CI runs this package without the race detector: it sends thousands of requests one after the other.
package security

import (
	"testing"

	"healthcare/cmd/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

type object = harness.Object
