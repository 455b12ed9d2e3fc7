package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	trail "healthcare/modules/audit"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/clock"
)

const (
	sweepEvery   = 10 * time.Minute // interval of reading the whole inbox, for batches of transactions that were slow
	keyPatience  = 5 * time.Minute  // how long a batch of an unknown key waits for an instance that knows the key
	recentPart   = 64               // segments that are read when the history begins
	rangeLimit   = 16               // segments in memory
	indexRows    = 2048             // rows of the index in one transaction
	flushesBurst = 8                // flushes for readers at once
	flushEvery   = time.Second / 4  // average interval of more
)

// Sealing moves batches from the inbox into the chain of segments, and writes the index of complete blocks. Instances
// compete: the first one to store a segment succeeds. It is safe for concurrent use.
type Sealing struct {
	segments ports.Segments
	keys     domain.Keys
	alarms   ports.Checkpoints // which reports them
	clock    clock.Clock
	age      time.Duration // after which a batch is sealed
	timeout  time.Duration // of a flush for readers

	mu      sync.Mutex
	history *domain.History
	sealer  *domain.Sealer
	last    domain.Position // up to which the history has the chain
	header  domain.Header   // of that segment
	low     int64           // batches up to this id were sealed, unless their transaction was slow
	nextLow int64
	swept   time.Time
	waiting time.Time     // since when the inbox has batches
	unknown time.Time     // since when the first batch has an unknown key
	offset  time.Duration // of the clock, at the last tick

	flushMu   sync.Mutex
	nextFlush *flush        // that has not begun; nil without one
	flushes   chan struct{} // has an element for each flush that the limit counts
	draining  bool          // whether an element is removed each flushEvery

	tallyMu       sync.Mutex
	tally         SealingTally
	unsealedSince time.Time
}

// NewSealing returns the sealing of the inbox in segments.
func NewSealing(
	segments ports.Segments, keys domain.Keys, alarms ports.Checkpoints, clk clock.Clock, cfg trail.Config,
) *Sealing {
	return &Sealing{
		segments: segments, keys: keys, alarms: alarms, clock: clk, age: cfg.CheckpointEvery / 2,
		timeout: cfg.CommitTimeout, flushes: make(chan struct{}, flushesBurst), offset: clk.Offset(),
	}
}

// Tick seals batches if they fill a segment or are old, and writes the index of a complete block. Errors: the store's.
func (s *Sealing) Tick(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkClock()
	now := s.clock.Now()
	sweep := now.Sub(s.swept) >= sweepEvery || now.Before(s.swept)
	if sweep {
		s.low = 0
	}
	backlog, err := s.measure(ctx)
	if err != nil {
		s.count(func(t *SealingTally) { t.Failures++ })
		return err
	}
	old := backlog.Batches > 0 && (now.Sub(s.waiting) >= s.age || now.Before(s.waiting))
	sealed, err := s.sealUntil(ctx, func(remaining ports.Backlog, sealed int64) bool {
		due := (old || sweep) && sealed < backlog.Batches && remaining.Batches > 0
		return !due && !full(remaining)
	})
	if err == nil && sweep {
		s.finishSweep(now)
	}
	if sealed > 0 || sweep {
		err = errors.Join(err, s.index(ctx))
	}
	return err
}

// checkClock reports that the clock of this machine was set. A segment shows that only once the clock has gone back.
func (s *Sealing) checkClock() {
	offset := s.clock.Offset()
	change := offset - s.offset
	s.offset = offset
	if change.Abs() <= maxClockChange {
		return
	}
	s.count(func(t *SealingTally) { t.Jumps++ })
	s.alarm("the clock of this machine was set by %s, or the machine was suspended: "+
		"the times of entries may be wrong, their order is right", change.Round(time.Second))
}

// maxClockChange is the change of the clock's offset from one tick to the next that is not reported.
const maxClockChange = 5 * time.Second

// finishSweep moves the low-water mark, and reports missing batches.
func (s *Sealing) finishSweep(now time.Time) {
	s.low, s.nextLow, s.swept = s.nextLow, max(s.low, s.nextLow), now
	if s.history == nil {
		return
	}
	for _, missing := range s.history.TakeMissing() {
		s.count(func(t *SealingTally) { t.Missing++ })
		s.alarm("batch %d of writer %s was committed before segment %d and is missing: it was removed before it was "+
			"sealed. Run healthcare audit verify", missing.Number, missing.Writer, missing.Segment)
	}
}

func (s *Sealing) alarm(reason string, values ...any) {
	s.alarms.Report(&domain.Alarm{Reason: fmt.Sprintf(reason, values...)})
}

func full(b ports.Backlog) bool {
	return b.Entries >= domain.MaxSegmentEntries || b.Bytes >= domain.MaxSegmentBytes
}

// measure updates the size and the age of the inbox.
func (s *Sealing) measure(ctx context.Context) (ports.Backlog, error) {
	backlog, err := s.segments.Backlog(ctx, s.low)
	if err != nil {
		return backlog, err
	}
	switch {
	case backlog.Batches == 0:
		s.waiting = time.Time{}
	case s.waiting.IsZero():
		s.waiting = s.clock.Now()
	}
	s.count(func(t *SealingTally) { t.UnsealedBatches, t.UnsealedEntries = backlog.Batches, backlog.Entries })
	s.tallyMu.Lock()
	s.unsealedSince = s.waiting
	s.tallyMu.Unlock()
	return backlog, nil
}

// sealUntil seals segments until done returns true for the rest of the inbox and the number of sealed batches.
func (s *Sealing) sealUntil(ctx context.Context, done func(ports.Backlog, int64) bool) (sealed int64, err error) {
	for {
		remaining, err := s.measure(ctx)
		if err != nil || done(remaining, sealed) {
			return sealed, err
		}
		batches, err := s.sealOne(ctx)
		if err != nil {
			s.count(func(t *SealingTally) { t.Failures++ })
		}
		if err != nil || batches == 0 {
			return sealed, err
		}
		sealed += batches
		s.waiting = time.Time{}
	}
}

// sealOne seals one segment, unless another instance does, and returns the number of its batches.
func (s *Sealing) sealOne(ctx context.Context) (batches int64, err error) {
	chain, err := s.segments.Chain(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.catchUp(ctx, chain.Span); err != nil {
		return 0, err
	}
	rows, err := s.segments.Inbox(ctx, s.low)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	now := s.clock.Now()
	giveUp := !s.unknown.IsZero() && now.Sub(s.unknown) >= keyPatience
	seal, err := s.sealer.Next(chain.Span.To, rows, now, giveUp)
	if errors.Is(err, domain.ErrWaiting) {
		if s.unknown.IsZero() {
			s.unknown = now
			s.alarm("a batch has a key that is neither AUDIT_KEY nor in AUDIT_KEY_PREVIOUS. It waits %s for an "+
				"instance that knows the key", keyPatience)
		}
		return 0, nil
	}
	s.unknown = time.Time{}
	if err != nil {
		return 0, err
	}
	stored, err := s.segments.Seal(ctx, chain.Span.To, seal)
	if err != nil {
		return 0, err
	}
	if stored {
		s.chained(seal)
		return int64(len(seal.Rows)), nil
	}
	current, err := s.segments.Chain(ctx)
	if err == nil && current.Span.To == chain.Span.To {
		err = s.checkStray(ctx, chain.Span.To.Number)
	}
	return int64(len(seal.Rows)), err // sealed by another instance
}

// checkStray returns an error if a segment is stored after the end of the chain.
func (s *Sealing) checkStray(ctx context.Context, end int64) error {
	stray, err := s.segments.Headers(ctx, end, math.MaxInt64, 1)
	if err != nil || len(stray) == 0 {
		return err
	}
	chain, err := s.segments.Chain(ctx)
	if err != nil || chain.Span.To.Number >= stray[0].Number {
		return err // sealed meanwhile
	}
	return &domain.Flaw{Chain: domain.SegmentChain, Sequence: stray[0].Number, Reason: strayReason}
}

const strayReason = "is stored, but the chain ends before it: it was inserted, and prevents sealing until it is deleted"

// chained updates the history with a stored segment, and reports its alarms.
func (s *Sealing) chained(seal domain.Seal) {
	s.sealer.Chained()
	for _, reason := range seal.Aside {
		s.count(func(t *SealingTally) { t.Aside++ })
		s.alarm("segment %d has a batch that was set aside: %v", seal.Number, reason)
	}
	if domain.ClockJumped(s.header, seal.Header) {
		s.count(func(t *SealingTally) { t.Jumps++ })
		s.alarm("a clock jumped, or a transaction took minutes: entries of %s to %s were sealed at %s. "+
			"Their order is right, their times may be wrong",
			seal.FirstAt.Format(time.RFC3339), seal.LastAt.Format(time.RFC3339), seal.SealedAt.Format(time.RFC3339))
	}
	s.last, s.header = seal.End(), seal.Header
	s.nextLow = max(s.nextLow, seal.Last)
	s.count(func(t *SealingTally) { t.Segments++ })
}

// catchUp reads the segments that other instances stored into the history.
func (s *Sealing) catchUp(ctx context.Context, span domain.SegmentSpan) error {
	if s.history == nil || s.last.Number > span.To.Number {
		from := max(span.From.Number, span.To.Number-recentPart)
		s.history, s.last = domain.NewHistory(from > 0), domain.Position{Number: from}
		s.sealer, s.header = domain.NewSealer(s.keys, s.history), domain.Header{}
	}
	for s.last.Number < span.To.Number {
		part, err := s.segments.Range(ctx, s.last.Number, span.To.Number, rangeLimit)
		if err != nil {
			return err
		}
		if len(part) == 0 || part[0].Number != s.last.Number+1 {
			return errSegmentMissing
		}
		for _, segment := range part {
			records, err := segment.Records()
			if err != nil {
				return errors.Join(errors.New("audit: a segment cannot be read. Run healthcare audit verify"), err)
			}
			for _, r := range records {
				if r.Batch != nil {
					s.history.Add(*r.Batch, segment.Number)
				}
			}
			s.last, s.header = segment.End(), segment.Header
		}
	}
	s.last = span.To
	return nil
}

// Behind reports whether the inbox has more batches than may wait for sealing.
func (s *Sealing) Behind() bool { return s.Tally().UnsealedBatches > maxUnsealed }

// Flush seals all batches that are in the inbox now. Errors: those of Tick.
func (s *Sealing) Flush(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flush(ctx)
}

func (s *Sealing) flush(ctx context.Context) error {
	due := int64(-1) // batches at the beginning, which may fill several segments
	_, err := s.sealUntil(ctx, func(remaining ports.Backlog, sealed int64) bool {
		if due < 0 {
			due = remaining.Batches
		}
		return remaining.Batches == 0 || sealed >= due && !full(remaining)
	})
	return err
}

// SealMarks appends a segment of marks to the chain. Errors: the store's.
func (s *Sealing) SealMarks(ctx context.Context, marks []domain.Mark) error {
	for {
		stored, err := s.sealMarks(ctx, marks, s.segments.Seal)
		if stored || err != nil {
			return err
		}
	}
}

// Close ends the chains of entries, and reports false if one of them got an entry meanwhile. Errors: the store's.
func (s *Sealing) Close(ctx context.Context, ends []domain.Mark) (closed bool, err error) {
	return s.sealMarks(ctx, ends, func(ctx context.Context, after domain.Position, seal domain.Seal) (bool, error) {
		return s.segments.Close(ctx, after, seal, ends)
	})
}

func (s *Sealing) sealMarks(
	ctx context.Context,
	marks []domain.Mark,
	store func(context.Context, domain.Position, domain.Seal) (bool, error),
) (stored bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chain, err := s.segments.Chain(ctx)
	if err != nil {
		return false, err
	}
	if err := s.catchUp(ctx, chain.Span); err != nil {
		return false, err
	}
	seal := s.sealer.SealMarks(chain.Span.To, marks, s.clock.Now())
	if stored, err = store(ctx, chain.Span.To, seal); stored {
		s.chained(seal)
	}
	return stored, err
}
