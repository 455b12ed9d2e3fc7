package domain

import (
	"crypto/hmac"
	"fmt"
	"iter"
	"time"
)

// Flaw is the first thing that is wrong with a chain. The entries before it are as they were recorded.
type Flaw struct {
	Chain    int
	Sequence int64 // of the first bad entry
	Why      string
}

func (f *Flaw) Error() string {
	return fmt.Sprintf("audit trail, chain %d, entry %d: %s", f.Chain, f.Sequence, f.Why)
}

// pruned is the action of the entry that says up to where the trail was pruned; its Count is the last sequence that went.
const pruned = "trail_pruned"

// Verifier walks one chain, entry by entry, in memory that does not grow with it. NewVerifier makes it.
type Verifier struct {
	keys        Keys
	span        Span
	last        Link
	at          time.Time
	attested    bool // that what comes before the span was pruned, and not just deleted
	checkpoints *checkpointsAhead
	recent      [lateness]Link // by sequence modulo lateness
}

// lateness is how many entries a checkpoint may be late in its file: two processes that write it at once do not take turns.
const lateness = 4096

// NewVerifier begins before the first entry of the span. The checkpoints are those of its chain, in the order they were made; nil for none.
// The caller ends with Close.
func NewVerifier(keys Keys, span Span, checkpoints iter.Seq[Checkpoint]) *Verifier {
	v := &Verifier{keys: keys, span: span, last: span.From, attested: span.From == Genesis(span.Chain)}
	if checkpoints != nil {
		v.checkpoints = aheadOf(checkpoints)
	}
	return v
}

// Close lets go of the checkpoints.
func (v *Verifier) Close() {
	if v.checkpoints != nil {
		v.checkpoints.stop()
	}
}

// Verified is the last entry that was found good.
func (v *Verifier) Verified() Link { return v.last }

// Next verifies the next entry. Errors: *Flaw, after which there is nothing more to ask.
func (v *Verifier) Next(e Entry) error {
	expected := v.last.Sequence + 1
	key, known := v.keys.entries[e.KeyID]
	switch {
	case e.Chain != v.span.Chain:
		return v.flaw(expected, "an entry of chain %d stands in its place", e.Chain)
	case e.Sequence > expected:
		return v.flaw(expected, "is missing")
	case e.Sequence < expected:
		return v.flaw(e.Sequence, "stands twice, or out of its order")
	case !known:
		return v.flaw(expected, "was made with key %q, which is neither AUDIT_KEY nor in AUDIT_KEY_PREVIOUS", e.KeyID)
	}
	if made := e.mac(key, v.last.MAC); !hmac.Equal(made[:], e.MAC[:]) {
		return v.flaw(expected, "is not as it was recorded, or does not follow the entry before it")
	}
	if e.Time.Before(v.at) {
		return v.flaw(expected, "is older than the entry before it")
	}
	v.last, v.at = Link{e.Sequence, e.MAC}, e.Time
	v.recent[e.Sequence%lateness] = v.last
	v.attested = v.attested || e.Action == pruned && e.Count == v.span.From.Sequence
	return v.compare()
}

// End says whether the chain ends where it should. Errors: *Flaw.
func (v *Verifier) End() error {
	if err := v.compare(); err != nil { // for a span without entries
		return err
	}
	if v.last != v.span.To {
		return v.flaw(v.last.Sequence+1, "is missing: the chain ends before it, and its head says %d", v.span.To.Sequence)
	}
	if !v.attested {
		return v.flaw(v.span.From.Sequence, "and all before it are missing, and the trail does not say that they were pruned")
	}
	if v.checkpoints != nil {
		if c, more := v.checkpoints.peek(); more {
			return v.flaw(v.last.Sequence+1, "is missing: the checkpoint of %s knows entry %d. The end was cut off, or an old database was put back",
				c.Time.Format(time.RFC3339), c.Sequence)
		}
	}
	return nil
}

// compare holds the last entry against the checkpoints up to it. Those before the span cannot be compared any more.
func (v *Verifier) compare() error {
	if v.checkpoints == nil {
		return nil
	}
	for {
		c, more := v.checkpoints.peek()
		if !more || c.Sequence > v.last.Sequence {
			return nil
		}
		if err := v.fits(c); err != nil {
			return err
		}
		v.checkpoints.skip()
	}
}

// fits is about a checkpoint of an entry that was walked past.
func (v *Verifier) fits(c Checkpoint) error {
	known := v.recent[max(c.Sequence, 0)%lateness]
	if c.Sequence == v.span.From.Sequence {
		known = v.span.From
	}
	switch {
	case c.Sequence < v.span.From.Sequence: // pruned
		return nil
	case known.Sequence != c.Sequence:
		return v.flaw(c.Sequence, "was the end when the checkpoint of %s was made, which stands far behind a later one: an old database was put back, "+
			"or the files of several instances were joined without sorting them", c.Time.Format(time.RFC3339))
	case known.MAC != c.MAC:
		return v.flaw(c.Sequence, "is not the one that the checkpoint of %s knows", c.Time.Format(time.RFC3339))
	}
	return nil
}

func (v *Verifier) flaw(sequence int64, why string, args ...any) error {
	return &Flaw{v.span.Chain, sequence, fmt.Sprintf(why, args...)}
}

// checkpointsAhead hands out checkpoints one by one, the next of them known in advance.
type checkpointsAhead struct {
	next    func() (Checkpoint, bool)
	stop    func()
	current Checkpoint
	more    bool
}

func aheadOf(all iter.Seq[Checkpoint]) *checkpointsAhead {
	next, stop := iter.Pull(all)
	a := &checkpointsAhead{next: next, stop: stop}
	a.skip()
	return a
}

func (a *checkpointsAhead) peek() (Checkpoint, bool) { return a.current, a.more }

func (a *checkpointsAhead) skip() { a.current, a.more = a.next() }
