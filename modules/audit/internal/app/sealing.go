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
	"healthcare/platform/audit"
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
	waiting time.Time // since when the inbox has batches
	unknown time.Time // since when the first batch has an unknown key

	flushMu   sync.Mutex
	nextFlush *flush        // that has not begun; nil without one
	flushes   chan struct{} // has an element for each flush that the limit counts
	draining  bool          // whether an element is removed each flushEvery

	tallyMu       sync.Mutex
	tally         SealingTally
	unsealedSince time.Time
}

// SealingTally counts since the start of this instance.
type SealingTally struct {
	Segments, Failures, Aside, Missing, Jumps int64

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

// NewSealing returns the sealing of the inbox in segments.
func NewSealing(
	segments ports.Segments, keys domain.Keys, alarms ports.Checkpoints, clk clock.Clock, cfg trail.Config,
) *Sealing {
	return &Sealing{
		segments: segments, keys: keys, alarms: alarms, clock: clk, age: cfg.CheckpointEvery / 2,
		timeout: cfg.CommitTimeout, flushes: make(chan struct{}, flushesBurst),
	}
}

// Tick seals batches if they fill a segment or are old, and writes the index of a complete block. Errors: the store's.
func (s *Sealing) Tick(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	for _, id := range seal.Rows {
		s.nextLow = max(s.nextLow, id)
	}
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
	first := true
	_, err := s.sealUntil(ctx, func(remaining ports.Backlog, _ int64) bool {
		done := remaining.Batches == 0 || !first && !full(remaining)
		first = false
		return done
	})
	return err
}

// flush is a Flush that several readers wait for.
type flush struct {
	done chan struct{} // closed when err is set
	err  error
}

// FlushForReader is Flush for a reader of the chain. Readers share it: it is limited to four times a second after a
// burst. Errors: those of Flush; ctx ended.
func (s *Sealing) FlushForReader(ctx context.Context) error {
	ctx = audit.WithRequest(ctx, audit.Request{}) // the batches are those of all requests
	backlog, err := s.segments.Backlog(ctx, 0)
	if err != nil || backlog.Batches == 0 {
		return err
	}
	s.flushMu.Lock()
	f := s.nextFlush
	if f == nil {
		f = &flush{done: make(chan struct{})}
		s.nextFlush = f
		go s.flushNext(f) //nolint:gosec // not with ctx, because other readers wait as well
	}
	s.flushMu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flushNext runs f when the limit allows it. Readers that come after its start wait for the next one, because their
// entries may be missing in it.
func (s *Sealing) flushNext(f *flush) {
	s.flushes <- struct{}{}
	s.flushMu.Lock()
	if !s.draining {
		s.draining = true
		time.AfterFunc(flushEvery, s.drain)
	}
	s.flushMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushMu.Lock()
	s.nextFlush = nil
	s.flushMu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	f.err = s.flush(ctx)
	close(f.done)
}

// drain removes an element of flushes each flushEvery, so a flush waits for at most that time.
func (s *Sealing) drain() {
	<-s.flushes
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	if s.draining = len(s.flushes) > 0; s.draining {
		time.AfterFunc(flushEvery, s.drain)
	}
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

// Index writes the rows of complete blocks. Errors: the store's.
func (s *Sealing) Index(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index(ctx)
}

func (s *Sealing) index(ctx context.Context) error {
	chain, err := s.segments.Chain(ctx)
	if err != nil {
		return err
	}
	indexed, err := lastBlock(ctx, s.segments, chain.Span)
	if err != nil {
		return err
	}
	for {
		end, err := blockEnd(ctx, s.segments, indexed, chain.Span.To.Number, s.clock.Now())
		if err != nil || end == 0 {
			return err
		}
		if err := s.indexBlock(ctx, indexed, end); err != nil {
			return err
		}
		indexed = end
	}
}

// lastBlock returns the number of the last segment of the last complete block, or of the anchor.
func lastBlock(ctx context.Context, segments ports.Segments, span domain.SegmentSpan) (int64, error) {
	rows, err := segments.Blocks(ctx, domain.BlockTerm, 0, span.To.Number, true, 1)
	if err != nil || len(rows) == 0 {
		return span.From.Number, err
	}
	return max(rows[0].Block, span.From.Number), nil
}

// blockEnd returns the number of the last segment of the block that begins after a segment, or 0 if the block is not
// complete.
func blockEnd(ctx context.Context, segments ports.Segments, after, upTo int64, now time.Time) (int64, error) {
	var block domain.Block
	for after < upTo {
		const limit = 1024
		headers, err := segments.Headers(ctx, after, upTo, limit)
		if err != nil || len(headers) == 0 {
			return 0, err
		}
		for _, h := range headers {
			if end := block.Add(h); end > 0 {
				return end, nil
			}
		}
		after = headers[len(headers)-1].Number
	}
	return block.EndBefore(now), nil
}

func (s *Sealing) indexBlock(ctx context.Context, after, end int64) error {
	block, err := readBlock(ctx, s.segments, after, end)
	if err != nil {
		return err
	}
	rows := make([]domain.IndexRow, 0, indexRows)
	for row := range block.Rows(end) {
		if rows = append(rows, row); len(rows) == indexRows {
			if err := s.segments.InsertIndex(ctx, rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return s.segments.InsertIndex(ctx, rows)
}

var errSegmentMissing = errors.New("audit: a segment is missing. Run healthcare audit verify")

// readBlock collects the terms of the segments after a number and up to another.
func readBlock(ctx context.Context, segments ports.Segments, after, end int64) (*domain.BlockIndex, error) {
	block := new(domain.BlockIndex)
	for after < end {
		part, err := segments.Range(ctx, after, end, rangeLimit)
		if err != nil {
			return nil, err
		}
		if len(part) == 0 {
			return nil, errSegmentMissing
		}
		for _, segment := range part {
			records, err := segment.Records()
			if err != nil {
				return nil, err
			}
			block.Add(segment.Number, records)
		}
		after = part[len(part)-1].Number
	}
	return block, nil
}
