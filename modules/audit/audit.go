// Package audit is the public face of the audit module: the trail of who saw and changed what, which proves that nobody touched it (45 CFR
// 164.312(b) and (c)). Other modules write it through platform/audit and never ask it anything; everything else is internal.
package audit

import (
	"time"

	"healthcare/platform/errs"
)

// Config is what the operator decides about the trail. It holds secrets: never log it.
type Config struct {
	Key             []byte        // at least 32 bytes; entries and checkpoints are made with keys derived from it
	PreviousKeys    [][]byte      // keys before it, newest first, which only verify
	Checkpoints     string        // the file that checkpoints are appended to, made with mode 0600
	CheckpointEvery time.Duration // how long an entry waits at most for a checkpoint
	CommitTimeout   time.Duration // how long a commit of entries may take before those who wait for it are told to come back
}

// What the module refuses.
var (
	// ErrUnavailable is why nothing is served that could not be recorded.
	ErrUnavailable = errs.New(errs.Unavailable, "unavailable", "The service cannot write its audit trail right now, and does nothing unrecorded. Try again shortly.")

	ErrNothingToPrune = errs.New(errs.Conflict, "nothing_to_prune", "No entry of the audit trail is that old.")
)
