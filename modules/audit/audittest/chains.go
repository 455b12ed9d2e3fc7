package audittest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/database"
)

// AppendToChain seals entries at the end of a chain of entries as earlier releases do, each at the time that at returns
// for its index, and returns them.
func AppendToChain(
	ctx context.Context, t testing.TB, db *database.DB, keys domain.Keys, chain int, at func(int) time.Time,
	entries ...domain.Entry,
) []domain.Entry {
	t.Helper()
	require.NoError(t, db.Do(ctx, func(ctx context.Context) error {
		head := headOf(ctx, t, db, chain)
		for i := range entries {
			head.Seal(&entries[i], keys, at(i))
		}
		q := db.Write(ctx)
		for part := range slices.Chunk(entries, 500) {
			var rows, subjects []map[string]any
			for _, e := range part {
				rows, subjects = append(rows, rowOf(e)), append(subjects, subjectsOf(e)...)
			}
			require.NoError(t, q.Table("audit_entries").CreateInBatches(rows, 500).Error)
			if len(subjects) > 0 {
				require.NoError(t, q.Table("audit_subjects").CreateInBatches(subjects, 500).Error)
			}
		}
		return q.Table("audit_heads").Where("chain = ?", chain).Updates(map[string]any{
			"sequence": head.Sequence, "mac": head.MAC[:], "last_at": database.At(head.Time),
		}).Error
	}))
	return entries
}

func headOf(ctx context.Context, t testing.TB, db *database.DB, chain int) *domain.Head {
	t.Helper()
	var stored struct {
		Sequence int64
		MAC      []byte `gorm:"column:mac"`
		LastAt   database.Time
	}
	require.NoError(t, db.Read(ctx).Raw(
		"SELECT sequence, mac, last_at FROM audit_heads WHERE chain = ?", chain).Scan(&stored).Error)
	return &domain.Head{
		Chain: chain, Time: stored.LastAt.Time,
		Link: domain.Link{Sequence: stored.Sequence, MAC: domain.MAC(stored.MAC)},
	}
}

func rowOf(e domain.Entry) map[string]any {
	ids := make([]string, len(e.IDs))
	for i, id := range e.IDs {
		ids[i] = id.String()
	}
	return map[string]any{
		"chain": e.Chain, "sequence": e.Sequence, "created_at": database.At(e.Time), "id": e.ID,
		"request_id": e.RequestID, "actor_id": orNil(e.ActorID), "role": e.Role, "session_id": orNil(e.SessionID),
		"address": e.Address, "action": e.Action, "resource_type": e.ResourceType, "resource_id": orNil(e.ResourceID),
		"patient_id": orNil(e.PatientID), "outcome": e.Outcome, "status": e.Status, "ids": strings.Join(ids, ","),
		"id_count": e.Count, "fields": strings.Join(e.Fields, ","), "key_id": e.KeyID, "mac": e.MAC[:],
	}
}

func subjectsOf(e domain.Entry) (rows []map[string]any) {
	seen := map[uuid.UUID]bool{}
	for patient := range e.NamedPatients() {
		if seen[patient] {
			continue
		}
		seen[patient] = true
		rows = append(rows, map[string]any{
			"patient_id": patient, "created_at": database.At(e.Time), "id": e.ID, "chain": e.Chain,
			"sequence": e.Sequence,
		})
	}
	return rows
}
