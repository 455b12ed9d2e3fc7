package domain

import (
	"crypto/hmac"
	"fmt"
	"iter"
	"time"
)

// Flaw is the first fault of a chain. The entries before it are unchanged.
type Flaw struct {
	Chain    int
	Sequence int64 // of the first bad entry
	Reason   string
}

func (f *Flaw) Error() string {
	return fmt.Sprintf("audit trail, chain %d, entry %d: %s", f.Chain, f.Sequence, f.Reason)
}

// prunedAction is the action of the entry about a pruning; its Count is the last deleted sequence.
const prunedAction = "trail_pruned"

// Verifier verifies one chain, entry by entry, in constant memory. NewVerifier creates it.
type Verifier struct {
	keys        Keys
	span        Span
	last        Link
	at          time.Time
	attested    bool // whether the trail records the pruning before the span
	checkpoints *peekedCheckpoints
	recent      [reorderWindow]Link // by sequence modulo reorderWindow
}

// reorderWindow is the maximum number of entries that a checkpoint may be late in its file: two processes may append to
// it in any order.
const reorderWindow = 4096

// NewVerifier returns a Verifier that expects the first entry of the span. The checkpoints are those of its chain, in
// the order of their creation; nil means none. The caller calls Close.
func NewVerifier(keys Keys, span Span, checkpoints iter.Seq[Checkpoint]) *Verifier {
	v := &Verifier{keys: keys, span: span, last: span.From, attested: span.From == Genesis(span.Chain)}
	if checkpoints != nil {
		v.checkpoints = newPeekedCheckpoints(checkpoints)
	}
	return v
}

// Close releases the iterator of the checkpoints.
func (v *Verifier) Close() {
	if v.checkpoints != nil {
		v.checkpoints.stop()
	}
}

// Verified returns the last entry that is sound.
func (v *Verifier) Verified() Link { return v.last }

// Next verifies the next entry. Errors: *Flaw, after which the Verifier must not be used.
func (v *Verifier) Next(e Entry) error {
	expected := v.last.Sequence + 1
	key, known := v.keys.entries[e.KeyID]
	switch {
	case e.Chain != v.span.Chain:
		return v.flaw(expected, "is replaced by an entry of chain %d", e.Chain)
	case e.Sequence > expected:
		return v.flaw(expected, "is missing")
	case e.Sequence < expected:
		return v.flaw(e.Sequence, "is repeated, or out of order")
	case !known:
		return v.flaw(expected, "was sealed with key %q, which is neither AUDIT_KEY nor in AUDIT_KEY_PREVIOUS", e.KeyID)
	}
	if mac := e.mac(key, v.last.MAC); !hmac.Equal(mac[:], e.MAC[:]) {
		return v.flaw(expected, "was changed, or does not follow the previous entry")
	}
	if e.Time.Before(v.at) {
		return v.flaw(expected, "is older than the previous entry")
	}
	v.last, v.at = Link{e.Sequence, e.MAC}, e.Time
	v.recent[e.Sequence%reorderWindow] = v.last
	v.attested = v.attested || e.Action == prunedAction && e.Count == v.span.From.Sequence
	return v.compare()
}

// End verifies the end of the chain. Errors: *Flaw.
func (v *Verifier) End() error {
	if err := v.compare(); err != nil { // for a span without entries
		return err
	}
	if v.last != v.span.To {
		return v.flaw(v.last.Sequence+1,
			"is missing: the chain ends before it, but its head is entry %d", v.span.To.Sequence)
	}
	if !v.attested {
		return v.flaw(v.span.From.Sequence,
			"and all before it are missing, and the trail has no record that they were pruned")
	}
	if v.checkpoints != nil {
		if c, more := v.checkpoints.peek(); more {
			return v.flaw(v.last.Sequence+1, "is missing: the checkpoint of %s is about entry %d. "+
				"The end was cut off, or an old database was restored", c.Time.Format(time.RFC3339), c.Sequence)
		}
	}
	return nil
}

// compare compares the last entry with the checkpoints up to it. Checkpoints before the span are skipped.
func (v *Verifier) compare() error {
	if v.checkpoints == nil {
		return nil
	}
	for {
		c, more := v.checkpoints.peek()
		if !more || c.Sequence > v.last.Sequence {
			return nil
		}
		if err := v.checkAgainst(c); err != nil {
			return err
		}
		v.checkpoints.skip()
	}
}

// checkAgainst compares a checkpoint with its entry, which must be among the recent ones.
func (v *Verifier) checkAgainst(c Checkpoint) error {
	link := v.recent[max(c.Sequence, 0)%reorderWindow]
	if c.Sequence == v.span.From.Sequence {
		link = v.span.From
	}
	switch {
	case c.Sequence < v.span.From.Sequence: // pruned
		return nil
	case link.Sequence != c.Sequence:
		return v.flaw(c.Sequence, "was the end at the checkpoint of %s, which is far behind a later one in the file: "+
			"an old database was restored, or the files of several instances were joined without sorting them",
			c.Time.Format(time.RFC3339))
	case link.MAC != c.MAC:
		return v.flaw(c.Sequence, "does not match the checkpoint of %s", c.Time.Format(time.RFC3339))
	}
	return nil
}

func (v *Verifier) flaw(sequence int64, reason string, args ...any) error {
	return &Flaw{v.span.Chain, sequence, fmt.Sprintf(reason, args...)}
}

// peekedCheckpoints iterates over checkpoints and buffers the current one.
type peekedCheckpoints struct {
	next    func() (Checkpoint, bool)
	stop    func()
	current Checkpoint
	more    bool
}

func newPeekedCheckpoints(all iter.Seq[Checkpoint]) *peekedCheckpoints {
	next, stop := iter.Pull(all)
	a := &peekedCheckpoints{next: next, stop: stop}
	a.skip()
	return a
}

func (a *peekedCheckpoints) peek() (Checkpoint, bool) { return a.current, a.more }

func (a *peekedCheckpoints) skip() { a.current, a.more = a.next() }
