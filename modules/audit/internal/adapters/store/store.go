// Package store stores the audit trail in the database, with the same code for both engines. Triggers of its tables
// reject UPDATE and DELETE.
package store

import (
	"context"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// New returns a Ledger stored in db.
func New(db *database.DB) ports.Ledger { return &store{db: db} }

type store struct {
	db        *database.DB
	nextChain atomic.Uint32 // the chain to wait for next if all are locked, before the modulo
}

func (s *store) InTransaction(ctx context.Context) bool { return s.db.InTransaction(ctx) }

func (s *store) CheckContext(ctx context.Context) error { return s.db.CheckContext(ctx) }

func (s *store) AfterTransaction(ctx context.Context, do func(context.Context) error) error {
	return s.db.AfterTransaction(ctx, do)
}

// batch is the maximum number of values or rows of one statement.
const batch = 1000

// insertBatch returns the maximum number of rows of one INSERT. On SQLite it is small, so that few different statements
// are prepared and cached.
func (s *store) insertBatch() int {
	if s.db.Engine() == database.SQLite {
		return 64
	}
	return batch
}

func (s *store) Append(ctx context.Context, chain int, seal func(*domain.Head) []domain.Entry) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		q := s.db.Write(ctx)
		locked, err := s.lockHead(q, chain)
		if err != nil {
			return err
		}
		head := locked.head()
		entries := seal(&head)
		rows := make([]row, len(entries))
		for i, e := range entries {
			rows[i] = rowOf(e)
		}
		if err := q.CreateInBatches(rows, s.insertBatch()).Error; err != nil {
			return err
		}
		if err := q.CreateInBatches(subjectsOf(entries), s.insertBatch()).Error; err != nil {
			return err
		}
		return q.Model(&headRow{}).Where("chain = ?", head.Chain).Updates(map[string]any{
			"sequence": head.Sequence, "mac": head.MAC[:], "last_at": database.At(head.Time),
		}).Error
	})
}

// lockHead locks the head of a chain until the transaction ends. For domain.AnyChain it locks the first chain that is
// not locked. If all are locked, callers wait for the chains in turn.
func (s *store) lockHead(q *gorm.DB, chain int) (locked headRow, err error) {
	if chain == domain.AnyChain {
		free := q.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Order("chain").Limit(1).Find(&locked)
		if free.Error != nil || free.RowsAffected == 1 {
			return locked, free.Error
		}
		chain = 1 + int(s.nextChain.Add(1)%domain.Chains)
	}
	return locked, q.Clauses(clause.Locking{Strength: "UPDATE"}).Where("chain = ?", chain).Take(&locked).Error
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
