// Package faults tests the built program under load while something fails or attacks it: kills, lost and restarted
// databases, fail-overs, exhausted pools, slow and malformed connections, floods and slow readers (R-21, R-22, R-50 to
// Each test asserts that no acknowledged write is lost and that other clients are served.
// Tests belong here when they need load, an attacker or a fault. CI runs them briefly, without the race detector;
// SOAK=1 (task soak) runs them in full length, for about twenty minutes.
package faults

import (
	"testing"

	"healthcare/cmd/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

type object = harness.Object
