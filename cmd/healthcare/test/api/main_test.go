// Package api tests the behaviour of the HTTP API: requests, responses, lists, filters, conditional and concurrent
// requests, accounts and sessions. Each test starts the whole service in its own process, on SQLite and on PostgreSQL.
// Tests belong here when they show what a client of the API is promised, with few rows and few requests.
// CI runs this package with the race detector: keep it free of generated corpora, thousands of rows and builds.
// Tests about access, privacy and the audit trail are in ../security; those of many rows or cases are in ../volume.
package api

import (
	"testing"

	"healthcare/cmd/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

type object = harness.Object
