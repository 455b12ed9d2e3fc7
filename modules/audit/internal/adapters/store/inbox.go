package store

import (
	"context"
	"database/sql/driver"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
)

// sealedBatch is the bytes of a batch. As a Valuer it is one parameter: GORM expands a slice of bytes in raw SQL.
type sealedBatch []byte

// Value implements driver.Valuer.
func (b sealedBatch) Value() (driver.Value, error) { return []byte(b), nil }

func (s *segments) Insert(ctx context.Context, entries int, batch []byte) error {
	q := s.db.Write(ctx)
	if s.db.Engine() == database.SQLite { // the ids of deleted rows do not occur again
		return q.Exec("INSERT INTO audit_inbox (id, entries, batch) "+
			"SELECT max(ifnull((SELECT max(id) FROM audit_inbox), 0), sealed_to) + 1, ?, ? FROM audit_chain",
			entries, sealedBatch(batch)).Error
	}
	return q.Exec("INSERT INTO audit_inbox (entries, batch) VALUES (?, ?)", entries, sealedBatch(batch)).Error
}

func (s *segments) Backlog(ctx context.Context, after int64) (b ports.Backlog, err error) {
	err = s.read(ctx).Raw("SELECT count(*) AS batches, coalesce(sum(entries), 0) AS entries, "+
		"coalesce(sum(length(batch)), 0) AS bytes FROM audit_inbox WHERE id > ?", after).Scan(&b).Error
	return b, err
}

// inboxRow is a batch of the inbox, or the size of one.
type inboxRow struct {
	ID    int64
	Size  int `gorm:"->"`
	Batch []byte
}

func (inboxRow) TableName() string { return "audit_inbox" }

func (s *segments) Inbox(ctx context.Context, after int64) ([]domain.InboxRow, error) {
	var sizes []inboxRow
	err := s.read(ctx).Raw("SELECT id, length(batch) AS size FROM audit_inbox WHERE id > ? ORDER BY id LIMIT ?",
		after, domain.MaxSegmentEntries).Scan(&sizes).Error
	if err != nil || len(sizes) == 0 {
		return nil, err
	}
	last, bytes := sizes[0].ID, 0
	for _, row := range sizes {
		if row.Size <= domain.MaxSealedBytes {
			bytes += row.Size
		}
		if bytes > domain.MaxSegmentBytes && row.ID != sizes[0].ID {
			break
		}
		last = row.ID
	}
	var rows []inboxRow
	err = s.read(ctx).Raw("SELECT id, length(batch) AS size, CASE WHEN length(batch) <= ? THEN batch END AS batch "+
		"FROM audit_inbox WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
		domain.MaxSealedBytes, after, last, domain.MaxSegmentEntries).Scan(&rows).Error
	all := make([]domain.InboxRow, len(rows))
	for i, row := range rows {
		all[i] = domain.InboxRow{ID: row.ID, Size: row.Size, Bytes: row.Batch}
	}
	return all, err
}
