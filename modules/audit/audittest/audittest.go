// Package audittest reads the trail in tests of the whole service, including batches that are not sealed yet.
package audittest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/adapters/store"
	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/database"
)

// Entry is an entry of the trail. An id that is missing is nil.
type Entry = map[string]any

// Entries returns the entries of the chain of segments and of the inbox, in order.
func Entries(ctx context.Context, t testing.TB, db *database.DB) (all []Entry) {
	t.Helper()
	segments := store.NewSegments(db)
	read := func() (sealed []domain.Batch, unsealed []domain.Batch, end int64) {
		chain, err := segments.Chain(ctx)
		require.NoError(t, err)
		parts, err := segments.Range(ctx, chain.Span.From.Number, chain.Span.To.Number, 1_000_000)
		require.NoError(t, err)
		for _, segment := range parts {
			records, err := segment.Records()
			require.NoError(t, err)
			for _, r := range records {
				if r.Batch != nil {
					sealed = append(sealed, *r.Batch)
				}
			}
		}
		for after := int64(0); ; {
			rows, err := segments.Inbox(ctx, after)
			require.NoError(t, err)
			if len(rows) == 0 {
				return sealed, unsealed, chain.Span.To.Number
			}
			for _, row := range rows {
				batch, err := domain.DecodeUnverified(row.Bytes)
				require.NoError(t, err)
				unsealed = append(unsealed, batch)
				after = row.ID
			}
		}
	}
	for {
		sealed, unsealed, end := read()
		chain, err := segments.Chain(ctx)
		require.NoError(t, err)
		if chain.Span.To.Number != end {
			continue // sealed meanwhile
		}
		sequence := chain.Span.To.Sequence
		for i := range unsealed {
			for j := range unsealed[i].Entries {
				sequence++
				unsealed[i].Entries[j].Sequence = sequence
			}
		}
		for _, batch := range slices.Concat(sealed, unsealed) {
			for _, e := range batch.Entries {
				all = append(all, entryOf(e))
			}
		}
		return all
	}
}

func entryOf(e domain.Entry) Entry {
	ids := make([]string, len(e.IDs))
	for i, id := range e.IDs {
		ids[i] = id.String()
	}
	return Entry{
		"sequence": e.Sequence, "created_at": e.Time, "id": e.ID.String(), "request_id": e.RequestID,
		"actor_id": orNil(e.ActorID), "role": e.Role, "session_id": orNil(e.SessionID), "address": e.Address,
		"action": e.Action, "resource_type": e.ResourceType, "resource_id": orNil(e.ResourceID),
		"patient_id": orNil(e.PatientID), "outcome": e.Outcome, "status": int64(e.Status),
		"ids":      strings.Join(ids, ","),
		"id_count": e.Count, "fields": strings.Join(e.Fields, ","),
	}
}

func orNil(id uuid.UUID) any {
	if id == uuid.Nil {
		return nil
	}
	return id.String()
}
