package app

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	trail "healthcare/modules/audit"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/clock"
)

const (
	tickEvery         = time.Second // interval of Tick
	checkpointEntries = 1000        // entries of a chain after which a checkpoint is due at once

	// closeAfter is the time without an entry of an earlier release after which its chains are closed. Until then an
	// upgrade can be undone.
	closeAfter = 7 * 24 * time.Hour
)

// Keeper maintains the trail while the program runs: it seals batches, signs checkpoints, and closes the chains of
// entries when no older release appends to them.
type Keeper struct {
	segments    ports.Segments
	sealing     *Sealing
	ledger      ports.Ledger
	keys        domain.Keys
	checkpoints ports.Checkpoints
	clock       clock.Clock
	every       time.Duration
	timeout     time.Duration

	signed  map[int]domain.Checkpoint // the last checkpoint of each chain
	entries int64                     // the sequence of the last entry that a checkpoint of the chain covers
}

// NewKeeper returns a Keeper without checkpoints. Resume loads them.
func NewKeeper(
	segments ports.Segments, sealing *Sealing, ledger ports.Ledger, keys domain.Keys, checkpoints ports.Checkpoints,
	clk clock.Clock, cfg trail.Config,
) *Keeper {
	return &Keeper{
		segments:    segments,
		sealing:     sealing,
		ledger:      ledger,
		keys:        keys,
		checkpoints: checkpoints,
		clock:       clk,
		every:       cfg.CheckpointEvery,
		timeout:     cfg.CommitTimeout,
		signed:      map[int]domain.Checkpoint{},
	}
}

// errTrailMissing is the error of Start if the trail is empty although checkpoints exist.
var errTrailMissing = errors.New("the audit trail is empty, but the file of AUDIT_CHECKPOINTS is not, " +
	"so the database is missing: restore it, or move the file away to begin a new trail")

// Start rejects an empty trail if there are checkpoints: otherwise a service whose database is missing would serve as
// if it had never had any patients. Run reports errors of the store and of the file. Errors: errTrailMissing.
func (k *Keeper) Start(ctx context.Context) error {
	chain, err := k.segments.Chain(ctx)
	if err != nil || chain.Span.To.Number > 0 {
		return nil // Run reports it
	}
	if backlog, err := k.segments.Backlog(ctx, 0); err != nil || backlog.Batches > 0 {
		return nil
	}
	spans, err := k.ledger.Spans(ctx)
	if err != nil || slices.ContainsFunc(spans, func(s domain.Span) bool { return s.To.Sequence > 0 }) {
		return nil
	}
	file, err := k.checkpoints.Open("")
	if err != nil {
		return nil // Run reports it
	}
	defer func() { _ = file.Close() }()
	if n, _ := file.Read(make([]byte, 1)); n > 0 {
		return errTrailMissing
	}
	return nil
}

// Run calls Resume, and then Tick every second until ctx ends. It reports errors and retries.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	err := k.withTimeout(ctx, k.Resume)
	for {
		err = errors.Join(err, k.withTimeout(ctx, k.Tick))
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			k.checkpoints.Report(err)
		}
		select {
		case <-tick.C:
			err = nil
		case <-ctx.Done():
			return
		}
	}
}

// withTimeout runs a step with a timeout: over a dead connection the store may never respond.
func (k *Keeper) withTimeout(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	return step(ctx)
}

// Tick seals batches that are due, and signs a checkpoint for each chain that has grown by 1,000 entries, or at all
// since half of Config.CheckpointEvery: a batch is sealed within the other half. Errors: the store's, and those of the
// file of checkpoints.
func (k *Keeper) Tick(ctx context.Context) error {
	due := func(grown int64, since time.Duration) bool {
		return grown >= checkpointEntries || since >= k.every/2 || since < 0
	}
	return errors.Join(k.sealing.Tick(ctx), k.close(ctx), k.checkpoint(ctx, due))
}

// close closes the chains of entries when no earlier release has appended for a week.
func (k *Keeper) close(ctx context.Context) error {
	chain, err := k.segments.Chain(ctx)
	if err != nil || chain.Closed || chain.Span.To.Number == 0 {
		return err
	}
	rested := k.clock.Now().Add(-closeAfter)
	first := chain.Span.From.Number
	headers, err := k.segments.Headers(ctx, first, first+1, 1)
	if err != nil || len(headers) == 0 || headers[0].SealedAt.After(rested) {
		return err
	}
	if rested, err := k.ledger.Rested(ctx, rested); err != nil || !rested {
		return err
	}
	_, err = closeChains(ctx, k.ledger, k.sealing)
	return err
}

// closeChains records the ends of the chains of entries, after which nothing can be appended to them. It reports false
// if one of them got an entry meanwhile.
func closeChains(ctx context.Context, ledger ports.Ledger, sealing *Sealing) (closed bool, err error) {
	spans, err := ledger.Spans(ctx)
	if err != nil {
		return false, err
	}
	marks := make([]domain.Mark, len(spans))
	for i, span := range spans {
		marks[i] = domain.Mark{Kind: domain.Closed, Chain: span.Chain, Link: span.To}
	}
	return sealing.Close(ctx, marks)
}

// Close calls Finish and reports its error: a missing store must not prevent the program from stopping.
func (k *Keeper) Close(ctx context.Context) {
	if err := k.Finish(ctx); err != nil {
		k.checkpoints.Report(err)
	}
}

// Finish seals all batches and signs a last checkpoint for each chain that has grown. Errors: the store's, and those of
// the file of checkpoints.
func (k *Keeper) Finish(ctx context.Context) error {
	return errors.Join(k.sealing.Flush(ctx), k.checkpoint(ctx, func(int64, time.Duration) bool { return true }))
}

func (k *Keeper) checkpoint(ctx context.Context, due func(grown int64, since time.Duration) bool) error {
	chain, err := k.segments.Chain(ctx)
	if err != nil {
		return err
	}
	now := k.clock.Now()
	if end := chain.Span.To; end.Number != k.last(domain.SegmentChain, now).Sequence &&
		due(end.Sequence-k.entries, now.Sub(k.last(domain.SegmentChain, now).Time)) {
		if err := k.sign(end.Checkpoint(now)); err != nil {
			return err
		}
		k.entries = end.Sequence
	}
	if chain.Closed {
		return nil
	}
	spans, err := k.ledger.Spans(ctx)
	if err != nil {
		return err
	}
	for _, span := range spans {
		last := k.last(span.Chain, now)
		grown := span.To.Sequence - last.Sequence
		if grown == 0 || !due(grown, now.Sub(last.Time)) {
			continue
		}
		if err := k.sign(domain.Checkpoint{Chain: span.Chain, Link: span.To, Time: now}); err != nil {
			return err
		}
	}
	return nil
}

// last returns the last checkpoint of a chain. Without one, the time of the first call counts.
func (k *Keeper) last(chain int, now time.Time) domain.Checkpoint {
	if _, known := k.signed[chain]; !known {
		k.signed[chain] = domain.Checkpoint{Chain: chain, Time: now}
	}
	return k.signed[chain]
}

func (k *Keeper) sign(c domain.Checkpoint) error {
	if err := k.checkpoints.Append(k.keys.Sign(c)); err != nil {
		k.sealing.count(func(t *SealingTally) { t.Unwritten++ })
		return err
	}
	k.signed[c.Chain] = c
	return nil
}

// Resume loads the last checkpoint of each chain and compares the trail with it. Errors: *domain.Flaw if the entry of a
// checkpoint is missing or differs; domain.ErrNoCheckpoint; those of the file and the store.
func (k *Keeper) Resume(ctx context.Context) error {
	lines, err := lastLines(k.checkpoints)
	if err != nil || len(lines) == 0 {
		return err
	}
	spans, err := k.ledger.Spans(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, line := range lines {
		last, err := k.keys.Checkpoint(line)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		k.signed[last.Chain] = last
		failed = append(failed, k.matchesLedger(ctx, last, spans))
	}
	return errors.Join(failed...)
}

// matchesLedger returns a flaw if the entry of a checkpoint is missing or differs, and nil if it was pruned.
func (k *Keeper) matchesLedger(ctx context.Context, c domain.Checkpoint, spans []domain.Span) error {
	if c.Chain == domain.SegmentChain {
		return k.matchesSegment(ctx, c)
	}
	pruned := func(s domain.Span) bool { return s.Chain == c.Chain && c.Sequence <= s.From.Sequence }
	if slices.ContainsFunc(spans, pruned) {
		return nil
	}
	entries, err := k.ledger.Read(ctx, c.Chain, c.Sequence-1, 1)
	switch {
	case err != nil:
		return err
	case len(entries) == 0 || entries[0].Sequence != c.Sequence || entries[0].MAC != c.MAC:
		return &domain.Flaw{Chain: c.Chain, Sequence: c.Sequence, Reason: "does not match the last checkpoint: " +
			"the end was cut off, or an old database was restored. Run healthcare audit verify"}
	}
	return nil
}

// matchesSegment returns a flaw if the segment of a checkpoint is missing or differs, and nil if it was pruned.
func (k *Keeper) matchesSegment(ctx context.Context, c domain.Checkpoint) error {
	chain, err := k.segments.Chain(ctx)
	if err != nil || c.Sequence <= chain.Span.From.Number {
		return err
	}
	found, err := k.segments.Select(ctx, []int64{c.Sequence})
	switch {
	case err != nil:
		return err
	case len(found) == 0 || found[0].MAC != c.MAC || c.Sequence > chain.Span.To.Number:
		return &domain.Flaw{Chain: c.Chain, Sequence: c.Sequence, Reason: "does not match the last checkpoint: " +
			"the end was cut off, or an old database was restored. Run healthcare audit verify"}
	}
	k.entries = found[0].End().Sequence
	return nil
}

// lastLines returns the last checkpoint line of each chain, keyed by the line's first field. It does not decode the
// lines, because there may be millions.
func lastLines(checkpoints ports.Checkpoints) (last map[string][]byte, err error) {
	file, err := checkpoints.Open("")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	last = map[string][]byte{}
	lines := scanner(file, longestCheckpoint)
	for lines.Scan() {
		line, _ := domain.WholeLine(lines.Bytes())
		chain, _, _ := bytes.Cut(line, []byte(","))
		if previous := last[string(chain)]; line != nil {
			last[string(chain)] = append(previous[:0], line...)
		}
	}
	return last, lines.Err()
}
