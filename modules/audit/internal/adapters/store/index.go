package store

import (
	"context"

	"gorm.io/gorm/clause"

	"healthcare/modules/audit/internal/domain"
)

type indexRow struct {
	Term     []byte
	Block    int64
	Segments []byte
}

func (indexRow) TableName() string { return "audit_index" }

func (r indexRow) row() (row domain.IndexRow) {
	copy(row.Term[:], r.Term)
	row.Block, row.Segments = r.Block, r.Segments
	return row
}

func (s *segments) InsertIndex(ctx context.Context, all []domain.IndexRow) error {
	rows := make([]indexRow, len(all))
	for i, r := range all {
		rows[i] = indexRow{r.Term[:], r.Block, r.Segments}
	}
	return s.db.Do(ctx, func(ctx context.Context) error {
		q := s.db.Write(ctx).Clauses(clause.OnConflict{DoNothing: true})
		return q.CreateInBatches(rows, insertBatch(s.db)).Error
	})
}

func (s *segments) Blocks(ctx context.Context, term domain.Term, after, upTo int64, descending bool, limit int,
) ([]domain.IndexRow, error) {
	q := s.read(ctx).Where("term = ? AND block > ? AND block <= ?", term[:], after, upTo).Limit(limit)
	if term != domain.BlockTerm {
		q = q.Where("EXISTS (SELECT 1 FROM audit_index complete WHERE complete.term = ? AND "+
			"complete.block = audit_index.block)", domain.BlockTerm[:])
	}
	if descending {
		q = q.Order("block DESC")
	} else {
		q = q.Order("block")
	}
	var rows []indexRow
	err := q.Find(&rows).Error
	all := make([]domain.IndexRow, len(rows))
	for i, r := range rows {
		all[i] = r.row()
	}
	return all, err
}

func (s *segments) IndexRows(ctx context.Context, block int64, terms []domain.Term) ([]domain.IndexRow, error) {
	values := make([][]byte, len(terms))
	for i := range terms {
		values[i] = terms[i][:]
	}
	var rows []indexRow
	err := s.read(ctx).Where("term IN ? AND block = ?", values, block).Find(&rows).Error
	all := make([]domain.IndexRow, len(rows))
	for i, r := range rows {
		all[i] = r.row()
	}
	return all, err
}

func (s *segments) IndexSizes(ctx context.Context) (map[int64]int64, error) {
	var blocks []struct{ Block, Size int64 }
	err := s.read(ctx).Raw("SELECT block, count(*) AS size FROM audit_index GROUP BY block").Scan(&blocks).Error
	sizes := make(map[int64]int64, len(blocks))
	for _, b := range blocks {
		sizes[b.Block] = b.Size
	}
	return sizes, err
}

func (s *segments) DeleteIndexRows(ctx context.Context, block int64, terms []domain.Term) error {
	values := make([][]byte, len(terms))
	for i := range terms {
		values[i] = terms[i][:]
	}
	return s.db.Write(ctx).Where("term IN ? AND block = ?", values, block).Delete(&indexRow{}).Error
}
