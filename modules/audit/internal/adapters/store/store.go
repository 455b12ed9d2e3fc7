// Package store stores the audit trail in the database, with the same code for both engines. Triggers of its tables
// reject UPDATE and DELETE.
package store

import (
	"context"
	"time"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// New returns a Ledger stored in db.
func New(db *database.DB) ports.Ledger { return &store{db} }

type store struct{ db *database.DB }

// batch is the maximum number of values or rows of one statement.
const batch = 1000

// insertBatch returns the maximum number of rows of one INSERT. On SQLite it is small, so that few different statements
// are prepared and cached.
func insertBatch(db *database.DB) int {
	if db.Engine() == database.SQLite {
		return 64
	}
	return batch
}

func (s *store) Rested(ctx context.Context, since time.Time) (bool, error) {
	var recent int64
	err := s.db.Read(ctx).Model(&headRow{}).Where("last_at > ?", database.At(since)).Count(&recent).Error
	return recent == 0, err
}

func (s *store) Spans(ctx context.Context) ([]domain.Span, error) {
	var rows []headRow
	err := s.db.Read(ctx).Order("chain").Find(&rows).Error
	spans := make([]domain.Span, len(rows))
	for i, r := range rows {
		spans[i] = r.span()
	}
	return spans, err
}

func (s *store) Read(ctx context.Context, chain int, after int64, limit int) ([]domain.Entry, error) {
	var rows []row
	err := s.db.Read(ctx).Where("chain = ? AND sequence > ?", chain, after).
		Order("sequence, created_at").Limit(limit).Find(&rows).Error
	return entriesOf(rows), err
}

// columns are the columns that the list may be ordered by.
var columns = database.Columns[row]{
	"created_at": func(r row) any { return r.CreatedAt },
	"id":         func(r row) any { return r.ID },
}

func (s *store) List(
	ctx context.Context, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Entry], error) {
	q := s.db.Read(ctx)
	switch { // each case has an index in the order of the list
	case filter.Patient != nil:
		return s.listByPatient(ctx, filter, request)
	case filter.Actor != nil && filter.Action != "":
		// IS TRUE makes the planner use the index of the actor.
		q = q.Where("actor_id = ? AND (action = ?) IS TRUE", *filter.Actor, filter.Action)
	case filter.Actor != nil:
		q = q.Where("actor_id = ?", *filter.Actor)
	case filter.Action != "":
		q = q.Where("action = ?", filter.Action)
	default:
		q = q.Where("chain * 0 = 0") // uses the index over all chains
	}
	page, err := database.Page(database.WhereCreated(q, filter.CreatedAfter, filter.CreatedBefore), request, columns)
	return paging.Map(page, row.entry), err
}
