// Package volume tests the service with many rows or many generated cases: both engines' results for whole corpora of
// texts and numbers, every link of every ordering, pages limited by size, deletions that become jobs, limited counts,
// and the number of SQL statements of each route.
// Tests belong here when they need hundreds of rows or requests.
// CI runs this package without the race detector, which would slow it down eightfold. SOAK=1 raises the numbers.
package volume

import (
	"testing"

	"healthcare/cmd/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

type object = harness.Object
