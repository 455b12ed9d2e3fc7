// Package process tests the built program as an operator uses it: commands, environment, files, signals, exit codes,
// logs, migrations, upgrades from earlier releases, and the shell blocks of the documents.
// Tests belong here when they start the program once or a few times and assert output, files or exit codes.
// CI runs this package without the race detector, because the program is built without it.
// Failures of the infrastructure under load are in ../faults.
package process

import (
	"testing"

	"healthcare/cmd/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

type object = harness.Object
