package app

import (
	"context"
	"time"
)

// Newest returns the time of the last segment, or else of the newest entry of the older chains; the zero time if the
// trail is empty. Errors: the store's.
func (k *Keeper) Newest(ctx context.Context) (newest time.Time, err error) {
	chain, err := k.segments.Chain(ctx)
	if err != nil {
		return newest, err
	}
	if last := chain.Span.To.Number; last > 0 {
		headers, err := k.segments.Headers(ctx, last-1, last, 1)
		if err != nil || len(headers) == 0 {
			return newest, err
		}
		return headers[0].SealedAt, nil
	}
	spans, err := k.ledger.Spans(ctx)
	if err != nil {
		return newest, err
	}
	for _, span := range spans {
		if span.To.Sequence <= span.From.Sequence {
			continue
		}
		last, err := k.ledger.Read(ctx, span.Chain, span.To.Sequence-1, 1)
		if err != nil {
			return newest, err
		}
		if len(last) > 0 && last[0].Time.After(newest) {
			newest = last[0].Time
		}
	}
	return newest, nil
}
