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
	prepareEvery      = time.Hour   // interval of preparing months
	checkpointEntries = 1000        // entries of a chain after which a checkpoint is due at once
)

// Checkpointer maintains the trail while the program runs: it signs checkpoints and prepares the coming months.
type Checkpointer struct {
	ledger      ports.Ledger
	keys        domain.Keys
	checkpoints ports.Checkpoints
	clock       clock.Clock
	every       time.Duration
	timeout     time.Duration

	signed   map[int]domain.Checkpoint // the last checkpoint of each chain
	prepared time.Time
}

// NewCheckpointer returns a Checkpointer without checkpoints. Resume loads them.
func NewCheckpointer(
	ledger ports.Ledger, keys domain.Keys, checkpoints ports.Checkpoints, clk clock.Clock, cfg trail.Config,
) *Checkpointer {
	return &Checkpointer{
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
func (cp *Checkpointer) Start(ctx context.Context) error {
	spans, err := cp.ledger.Spans(ctx)
	if err != nil || slices.ContainsFunc(spans, func(s domain.Span) bool { return s.To.Sequence > 0 }) {
		return nil // Run reports it
	}
	file, err := cp.checkpoints.Open("")
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
func (cp *Checkpointer) Run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	err := cp.withTimeout(ctx, cp.Resume)
	for {
		err = errors.Join(err, cp.withTimeout(ctx, cp.Tick))
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			cp.checkpoints.Report(err)
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
func (cp *Checkpointer) withTimeout(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, cp.timeout)
	defer cancel()
	return step(ctx)
}

// Tick prepares this month and the next, and signs a checkpoint for each chain that has grown by 1,000 entries, or at
// all since Config.CheckpointEvery. Errors: the store's, and those of the file of checkpoints.
func (cp *Checkpointer) Tick(ctx context.Context) error {
	return errors.Join(cp.prepare(ctx), cp.checkpoint(ctx, func(grown int64, since time.Duration) bool {
		return grown >= checkpointEntries || since >= cp.every
	}))
}

func (cp *Checkpointer) prepare(ctx context.Context) error {
	now := cp.clock.Now()
	if now.Sub(cp.prepared) < prepareEvery {
		return nil
	}
	for _, month := range []time.Time{now, firstOfNextMonth(now)} {
		if err := cp.ledger.PrepareMonth(ctx, month); err != nil {
			return err
		}
	}
	cp.prepared = now
	return nil
}

// Close calls Finish and reports its error: a missing store must not prevent the program from stopping.
func (cp *Checkpointer) Close(ctx context.Context) {
	if err := cp.Finish(ctx); err != nil {
		cp.checkpoints.Report(err)
	}
}

// Finish signs a last checkpoint for each chain that has grown. Errors: the store's, and those of the file of
// checkpoints.
func (cp *Checkpointer) Finish(ctx context.Context) error {
	return cp.checkpoint(ctx, func(int64, time.Duration) bool { return true })
}

func (cp *Checkpointer) checkpoint(ctx context.Context, due func(grown int64, since time.Duration) bool) error {
	spans, err := cp.ledger.Spans(ctx)
	if err != nil {
		return err
	}
	now := cp.clock.Now()
	for _, span := range spans {
		if _, known := cp.signed[span.Chain]; !known {
			cp.signed[span.Chain] = domain.Checkpoint{Chain: span.Chain, Time: now}
		}
		last := cp.signed[span.Chain]
		grown := span.To.Sequence - last.Sequence
		if grown == 0 || !due(grown, now.Sub(last.Time)) {
			continue
		}
		next := domain.Checkpoint{Chain: span.Chain, Link: span.To, Time: now}
		if err := cp.checkpoints.Append(cp.keys.Sign(next)); err != nil {
			return err
		}
		cp.signed[span.Chain] = next
	}
	return nil
}

// Resume loads the last checkpoint of each chain and compares the trail with it. Errors: *domain.Flaw if the entry of a
// checkpoint is missing or differs; domain.ErrNoCheckpoint; those of the file and the store.
func (cp *Checkpointer) Resume(ctx context.Context) error {
	lines, err := lastLines(cp.checkpoints)
	if err != nil || len(lines) == 0 {
		return err
	}
	spans, err := cp.ledger.Spans(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, line := range lines {
		last, err := cp.keys.Checkpoint(line)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		cp.signed[last.Chain] = last
		failed = append(failed, cp.matchesLedger(ctx, last, spans))
	}
	return errors.Join(failed...)
}

// matchesLedger returns a flaw if the entry of a checkpoint is missing or differs, and nil if it was pruned.
func (cp *Checkpointer) matchesLedger(ctx context.Context, c domain.Checkpoint, spans []domain.Span) error {
	pruned := func(s domain.Span) bool { return s.Chain == c.Chain && c.Sequence <= s.From.Sequence }
	if slices.ContainsFunc(spans, pruned) {
		return nil
	}
	entries, err := cp.ledger.Read(ctx, c.Chain, c.Sequence-1, 1)
	switch {
	case err != nil:
		return err
	case len(entries) == 0 || entries[0].Sequence != c.Sequence || entries[0].MAC != c.MAC:
		return &domain.Flaw{Chain: c.Chain, Sequence: c.Sequence, Reason: "does not match the last checkpoint: " +
			"the end was cut off, or an old database was restored. Run healthcare audit verify"}
	}
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
	lines := scanner(file)
	for lines.Scan() {
		chain, _, _ := bytes.Cut(lines.Bytes(), []byte(","))
		if previous := last[string(chain)]; len(lines.Bytes()) > 0 {
			last[string(chain)] = append(previous[:0], lines.Bytes()...)
		}
	}
	return last, lines.Err()
}

func firstOfNextMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
}
