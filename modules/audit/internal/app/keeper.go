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

// How often a Keeper looks, and after how many entries it does not wait for the time to pass.
const (
	lookEvery    = time.Second
	prepareEvery = time.Hour
	manyEntries  = 1000
)

// Keeper looks after the trail while the program runs: it signs checkpoints, and makes room for the months to come.
type Keeper struct {
	ledger      ports.Ledger
	keys        domain.Keys
	checkpoints ports.Checkpoints
	clock       clock.Clock
	every       time.Duration
	timeout     time.Duration

	kept     map[int]domain.Checkpoint // the last of each chain
	prepared time.Time
}

// NewKeeper is a keeper that has kept nothing yet.
func NewKeeper(ledger ports.Ledger, keys domain.Keys, checkpoints ports.Checkpoints, clock clock.Clock, cfg trail.Config) *Keeper {
	return &Keeper{ledger: ledger, keys: keys, checkpoints: checkpoints, clock: clock, every: cfg.CheckpointEvery, timeout: cfg.CommitTimeout, kept: map[int]domain.Checkpoint{}}
}

// errMissing refuses a store that is not the one that the checkpoints know.
var errMissing = errors.New("the store holds no audit trail, but the checkpoints (AUDIT_CHECKPOINTS) know one, " +
	"so its database is missing: put it back, or move the file of the checkpoints away to begin anew")

// Begin refuses to begin a trail beside checkpoints of another: a service whose database is missing would look as if it
// had never had any patients. What keeps it from looking is reported by Run. Errors: errMissing.
func (k *Keeper) Begin(ctx context.Context) error {
	spans, err := k.ledger.Spans(ctx)
	if err != nil || slices.ContainsFunc(spans, func(s domain.Span) bool { return s.To.Sequence > 0 }) {
		return nil // Run reports it
	}
	file, err := k.checkpoints.Open("")
	if err != nil {
		return nil // Run reports it
	}
	defer func() { _ = file.Close() }()
	if n, _ := file.Read(make([]byte, 1)); n > 0 {
		return errMissing
	}
	return nil
}

// Run looks every second until ctx ends. What goes wrong is reported, and tried again.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	err := k.inTime(ctx, k.Recall)
	for {
		err = errors.Join(err, k.inTime(ctx, k.Look))
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

// inTime bounds a step: over a connection that is dead, and does not say so, the store never answers.
func (k *Keeper) inTime(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	return step(ctx)
}

// Look does what is due: room for this month and the next, and a checkpoint for each chain that has grown by 1,000 entries, or at all in the time
// that an entry may wait. Errors: the store's, those of the checkpoints' file.
func (k *Keeper) Look(ctx context.Context) error {
	return errors.Join(k.prepare(ctx), k.checkpoint(ctx, func(grown int64, since time.Duration) bool {
		return grown >= manyEntries || since >= k.every
	}))
}

func (k *Keeper) prepare(ctx context.Context) error {
	now := k.clock.Now()
	if now.Sub(k.prepared) < prepareEvery {
		return nil
	}
	for _, month := range []time.Time{now, firstOfNextMonth(now)} {
		if err := k.ledger.Prepare(ctx, month); err != nil {
			return err
		}
	}
	k.prepared = now
	return nil
}

// Close finishes, and reports what kept it from that: a store that is gone must not keep the program from stopping.
func (k *Keeper) Close(ctx context.Context) {
	if err := k.Finish(ctx); err != nil {
		k.checkpoints.Report(err)
	}
}

// Finish signs a last checkpoint for each chain that has grown. Errors: the store's, those of the checkpoints' file.
func (k *Keeper) Finish(ctx context.Context) error {
	return k.checkpoint(ctx, func(int64, time.Duration) bool { return true })
}

func (k *Keeper) checkpoint(ctx context.Context, due func(grown int64, since time.Duration) bool) error {
	spans, err := k.ledger.Spans(ctx)
	if err != nil {
		return err
	}
	now := k.clock.Now()
	for _, span := range spans {
		if _, known := k.kept[span.Chain]; !known {
			k.kept[span.Chain] = domain.Checkpoint{Chain: span.Chain, Time: now}
		}
		last := k.kept[span.Chain]
		grown := span.To.Sequence - last.Sequence
		if grown == 0 || !due(grown, now.Sub(last.Time)) {
			continue
		}
		made := domain.Checkpoint{Chain: span.Chain, Link: span.To, Time: now}
		if err := k.checkpoints.Keep(k.keys.Sign(made)); err != nil {
			return err
		}
		k.kept[span.Chain] = made
	}
	return nil
}

// Recall goes on from the last checkpoint of each chain that was kept, and holds the trail against it. Errors: *domain.Flaw where the trail does not
// reach it or has another entry in its place; domain.ErrNoCheckpoint; those of the file and the store.
func (k *Keeper) Recall(ctx context.Context) error {
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
		k.kept[last.Chain] = last
		failed = append(failed, k.stands(ctx, last, spans))
	}
	return errors.Join(failed...)
}

// stands is whether the entry that a checkpoint knows is there, unless it was pruned.
func (k *Keeper) stands(ctx context.Context, c domain.Checkpoint, spans []domain.Span) error {
	if slices.ContainsFunc(spans, func(s domain.Span) bool { return s.Chain == c.Chain && c.Sequence <= s.From.Sequence }) {
		return nil
	}
	entries, err := k.ledger.Read(ctx, c.Chain, c.Sequence-1, 1)
	switch {
	case err != nil:
		return err
	case len(entries) == 0 || entries[0].Sequence != c.Sequence || entries[0].MAC != c.MAC:
		return &domain.Flaw{Chain: c.Chain, Sequence: c.Sequence, Why: "is not what the last checkpoint knows: the end was cut off, or an old database was put back. " +
			"See healthcare audit verify"}
	}
	return nil
}

// lastLines are the last line of each chain's checkpoints, told apart by how they begin: there may be millions of them.
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
		if kept := last[string(chain)]; len(lines.Bytes()) > 0 {
			last[string(chain)] = append(kept[:0], lines.Bytes()...)
		}
	}
	return last, lines.Err()
}

func firstOfNextMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
}
