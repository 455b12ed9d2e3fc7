package app

import (
	"time"
)

// Tally counts the entries since the recorder was created.
type Tally struct {
	Entries  int // appended
	Groups   int // appends
	Failures int // appends that failed, and records rejected because too many were waiting
	Waiting  int // entries that wait for the running append
}

// Tally returns the current counts.
func (r *Recorder) Tally() Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tally
	if r.pending != nil {
		t.Waiting = len(r.pending.entries)
	}
	return t
}

// count updates the tally after an append.
func (r *Recorder) count(entries int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.tally.Failures++
		return
	}
	r.tally.Groups++
	r.tally.Entries += entries
}

// SealingTally counts since the start of this instance.
type SealingTally struct {
	Segments, Failures, Aside, Missing, Jumps int64
	Unwritten                                 int64 // attempts to write a checkpoint that failed

	UnsealedBatches, UnsealedEntries int64         // in the inbox, when it was measured last
	UnsealedFor                      time.Duration // how long the inbox has had batches
}

// Tally returns the current counts.
func (s *Sealing) Tally() SealingTally {
	s.tallyMu.Lock()
	defer s.tallyMu.Unlock()
	t := s.tally
	if !s.unsealedSince.IsZero() {
		t.UnsealedFor = max(0, s.clock.Now().Sub(s.unsealedSince))
	}
	return t
}

// count changes the counts.
func (s *Sealing) count(change func(*SealingTally)) {
	s.tallyMu.Lock()
	defer s.tallyMu.Unlock()
	change(&s.tally)
}
