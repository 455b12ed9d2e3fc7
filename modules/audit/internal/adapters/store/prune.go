package store

import (
	"context"
	"time"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/database"
)

func (s *store) SetAnchor(ctx context.Context, chain int, at domain.Link) error {
	return s.db.Write(ctx).Model(&headRow{}).Where("chain = ?", chain).
		Updates(map[string]any{"anchor_sequence": at.Sequence, "anchor_mac": at.MAC[:]}).Error
}

func (s *store) DeleteEntries(ctx context.Context, chain, limit int) (more bool, err error) {
	var head headRow
	if err := s.db.Read(ctx).Where("chain = ?", chain).Take(&head).Error; err != nil {
		return false, err
	}
	first, err := s.Read(ctx, chain, 0, 1)
	if err != nil || len(first) == 0 || first[0].Sequence > head.AnchorSequence {
		return false, err
	}
	last := min(first[0].Sequence+int64(limit)-1, head.AnchorSequence)
	err = s.db.Write(ctx).Where("chain = ? AND sequence <= ?", chain, last).Delete(&row{}).Error
	return last < head.AnchorSequence, err
}

func (s *store) DropMonths(ctx context.Context, before time.Time) error {
	if s.db.Engine() != database.Postgres {
		return nil
	}
	return s.db.Write(ctx).Exec("SELECT audit_drop_months(?)", database.At(before)).Error
}
