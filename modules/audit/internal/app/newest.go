package app

import (
	"context"
	"time"
)

// Newest returns the time of the newest entry of the trail; the zero time if the trail is empty. Errors: the store's.
func (cp *Checkpointer) Newest(ctx context.Context) (newest time.Time, err error) {
	spans, err := cp.ledger.Spans(ctx)
	if err != nil {
		return newest, err
	}
	for _, span := range spans {
		if span.To.Sequence <= span.From.Sequence {
			continue
		}
		last, err := cp.ledger.Read(ctx, span.Chain, span.To.Sequence-1, 1)
		if err != nil {
			return newest, err
		}
		if len(last) > 0 && last[0].Time.After(newest) {
			newest = last[0].Time
		}
	}
	return newest, nil
}
