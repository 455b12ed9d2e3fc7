package app

import (
	"context"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/tx"
)

// Maintenance verifies, exports and prunes the whole trail for an operator.
type Maintenance struct {
	segments    ports.Segments
	ledger      ports.Ledger
	recorder    *Recorder
	sealing     *Sealing
	keys        domain.Keys
	checkpoints ports.Checkpoints
	tx          tx.Runner
	clock       clock.Clock
}

// NewMaintenance returns the maintenance of the trail.
func NewMaintenance(
	segments ports.Segments, ledger ports.Ledger, recorder *Recorder, sealing *Sealing, keys domain.Keys,
	checkpoints ports.Checkpoints, runner tx.Runner, clk clock.Clock,
) *Maintenance {
	return &Maintenance{segments, ledger, recorder, sealing, keys, checkpoints, runner, clk}
}

// NewOfflineMaintenance returns a Maintenance without a store, which verifies exports.
func NewOfflineMaintenance(keys domain.Keys, checkpoints ports.Checkpoints) *Maintenance {
	return &Maintenance{keys: keys, checkpoints: checkpoints}
}

// Progress receives the number of processed entries and the number of all entries, of a chain or of the trail.
type Progress func(done, all int64)

// pageSize is the maximum number of entries in memory.
const pageSize = 1000

// eachEntry calls do for each entry of a span, and page for each page of entries.
func (m *Maintenance) eachEntry(
	ctx context.Context,
	span domain.Span,
	progress Progress,
	do func(domain.Entry) error,
	page func(context.Context, []domain.Entry) error,
) error {
	for after := span.From.Sequence; after < span.To.Sequence; {
		limit := int(min(pageSize, span.To.Sequence-after)) // excludes entries appended since the span was read
		entries, err := m.ledger.Read(ctx, span.Chain, after, limit)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			if err := do(e); err != nil {
				return err
			}
		}
		if err := page(ctx, entries); err != nil {
			return err
		}
		after = entries[len(entries)-1].Sequence
		progress(after-span.From.Sequence, span.To.Sequence-span.From.Sequence)
	}
	return nil
}
