// Package audit holds the configuration and the errors of the audit module, which keeps a tamper-evident trail of reads
// and changes (45 CFR 164.312(b) and (c)). Other modules write the trail through platform/audit and do not read it.
package audit

import (
	"time"

	"healthcare/platform/errs"
)

// Config configures the trail. It holds secrets: never log it.
type Config struct {
	Key             []byte        // at least 32 bytes; the keys of entries and checkpoints are derived from it
	PreviousKeys    [][]byte      // former keys, newest first; they only verify
	Checkpoints     string        // the file that checkpoints are appended to, created with mode 0600
	CheckpointEvery time.Duration // maximum time between an entry and its checkpoint
	CommitTimeout   time.Duration // maximum duration of a commit, after which waiting requests fail with 503
}

var (
	// ErrUnavailable is the error of a request whose entries cannot be recorded: such a request is not served.
	ErrUnavailable = errs.New(errs.Unavailable, "unavailable",
		"The audit trail cannot be written, so the request was not processed. Try again shortly.")
)
