package domain

import (
	"crypto/hmac"
	"fmt"
	"iter"
	"time"
)

// Flaw is the first fault of a chain. The entries or segments before it are unchanged.
type Flaw struct {
	Chain    int
	Sequence int64 // of the first bad entry; in SegmentChain, the number of the first bad segment
	Reason   string
}

func (f *Flaw) Error() string {
	if f.Chain == SegmentChain {
		return fmt.Sprintf("audit trail, segment %d: %s", f.Sequence, f.Reason)
	}
	return fmt.Sprintf("audit trail, chain %d, entry %d: %s", f.Chain, f.Sequence, f.Reason)
}

// prunedAction is the action of the entry about a pruning; its Count is the last deleted sequence.
const prunedAction = "trail_pruned"

// Verifier verifies one chain of entries, entry by entry, in constant memory. NewVerifier creates it.
type Verifier struct {
	keys     Keys
	span     Span
	last     Link
	at       time.Time
	attested bool  // whether the trail records the pruning before the span
	closed   *Link // the recorded end of the chain; nil if it may grow
	matcher  *checkpointMatcher
}

// NewVerifier returns a Verifier that expects the first entry of the span. The checkpoints are those of its chain, in
// the order of their creation; nil means none. marks are those of the chain of segments. The caller calls Close.
func NewVerifier(keys Keys, span Span, checkpoints iter.Seq[Checkpoint], marks ...Mark) *Verifier {
	v := &Verifier{
		keys: keys, span: span, last: span.From, attested: span.From == Genesis(span.Chain),
		matcher: newCheckpointMatcher(span.Chain, span.From, checkpoints),
	}
	for _, m := range marks {
		switch {
		case m.Chain != span.Chain:
		case m.Kind == Closed:
			v.closed = &m.Link
		case m.Kind == Pruned:
			v.attested = v.attested || m.Link == span.From
		}
	}
	return v
}

// Close releases the iterator of the checkpoints.
func (v *Verifier) Close() { v.matcher.close() }

// Compared returns the checkpoints that the entries were compared with.
func (v *Verifier) Compared() Compared { return v.matcher.compared }

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
	v.attested = v.attested || e.Action == prunedAction && e.Count == v.span.From.Sequence
	return v.matcher.advance(v.last)
}

// End verifies the end of the chain. Errors: *Flaw.
func (v *Verifier) End() error {
	if err := v.matcher.compare(); err != nil { // for a span without entries
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
	if v.closed != nil && *v.closed != v.span.To {
		return v.flaw(min(v.span.To.Sequence, v.closed.Sequence)+1,
			"is missing, or was added: the chain was closed after entry %d", v.closed.Sequence)
	}
	return v.matcher.end()
}

func (v *Verifier) flaw(sequence int64, reason string, args ...any) error {
	return newFlaw(v.span.Chain, sequence, reason, args...)
}

func newFlaw(chain int, sequence int64, reason string, args ...any) error {
	return &Flaw{chain, sequence, fmt.Sprintf(reason, args...)}
}

// checkpointMatcher compares the links of one chain with its checkpoints, in constant memory.
type checkpointMatcher struct {
	chain       int
	from, last  Link
	checkpoints *peekedCheckpoints  // nil: none
	recent      [reorderWindow]Link // by sequence modulo reorderWindow
	compared    Compared
}

// Compared summarises the checkpoints that a chain was compared with. Those of pruned entries are not among them.
type Compared struct {
	Count int
	Last  time.Time // of them
}

// Add adds the checkpoints of another chain.
func (c *Compared) Add(other Compared) {
	c.Count += other.Count
	if other.Last.After(c.Last) {
		c.Last = other.Last
	}
}

// reorderWindow is the maximum number of links that a checkpoint may be late in its file: two processes may append to
// it in any order.
const reorderWindow = 4096

func newCheckpointMatcher(chain int, from Link, checkpoints iter.Seq[Checkpoint]) *checkpointMatcher {
	m := &checkpointMatcher{chain: chain, from: from, last: from}
	if checkpoints != nil {
		m.checkpoints = newPeekedCheckpoints(checkpoints)
	}
	return m
}

func (m *checkpointMatcher) close() {
	if m.checkpoints != nil {
		m.checkpoints.stop()
	}
}

// advance moves to the next link, and compares the checkpoints up to it. Errors: *Flaw.
func (m *checkpointMatcher) advance(next Link) error {
	m.last = next
	m.recent[next.Sequence%reorderWindow] = next
	return m.compare()
}

// end returns a flaw if there is a checkpoint after the last link.
func (m *checkpointMatcher) end() error {
	if m.checkpoints == nil {
		return nil
	}
	c, more := m.checkpoints.peek()
	if !more {
		return nil
	}
	unit := "entry"
	if m.chain == SegmentChain {
		unit = "segment"
	}
	return newFlaw(m.chain, m.last.Sequence+1, "is missing: the checkpoint of %s is about %s %d. "+
		"The end was cut off, or an old database was restored", c.Time.Format(time.RFC3339), unit, c.Sequence)
}

// compare compares the last link with the checkpoints up to it. Checkpoints before the first link are skipped.
func (m *checkpointMatcher) compare() error {
	if m.checkpoints == nil {
		return nil
	}
	for {
		c, more := m.checkpoints.peek()
		if !more || c.Sequence > m.last.Sequence {
			return nil
		}
		if err := m.checkAgainst(c); err != nil {
			return err
		}
		if c.Sequence >= m.from.Sequence {
			m.compared.Add(Compared{1, c.Time})
		}
		m.checkpoints.skip()
	}
}

// checkAgainst compares a checkpoint with its link, which must be among the recent ones.
func (m *checkpointMatcher) checkAgainst(c Checkpoint) error {
	link := m.recent[max(c.Sequence, 0)%reorderWindow]
	if c.Sequence == m.from.Sequence {
		link = m.from
	}
	switch {
	case c.Sequence < m.from.Sequence: // pruned
		return nil
	case link.Sequence != c.Sequence:
		return newFlaw(m.chain, c.Sequence,
			"was the end at the checkpoint of %s, which is far behind a later one in the file: "+
				"an old database was restored, or the files of several instances were joined without sorting them",
			c.Time.Format(time.RFC3339))
	case link.MAC != c.MAC:
		return newFlaw(m.chain, c.Sequence, "does not match the checkpoint of %s", c.Time.Format(time.RFC3339))
	}
	return nil
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
