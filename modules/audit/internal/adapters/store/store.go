// Package store keeps the audit trail in the database, by one code for both engines. Its tables refuse UPDATE and DELETE by themselves.
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

// New is the ledger over db.
func New(db *database.DB) ports.Ledger { return &store{db: db} }

type store struct {
	db   *database.DB
	turn atomic.Uint32 // which chain to wait for next
}

func (s *store) InTransaction(ctx context.Context) bool { return s.db.InTransaction(ctx) }

func (s *store) Stray(ctx context.Context) error { return s.db.CheckContext(ctx) }

func (s *store) Afterwards(ctx context.Context, do func(context.Context) error) error {
	return s.db.Afterwards(ctx, do)
}

// atOnce is how many values or rows one statement takes at most.
const atOnce = 1000

// rowsAtOnce is how many rows one statement inserts: as many as go, but on SQLite so few that there are few such statements, which it keeps prepared.
func (s *store) rowsAtOnce() int {
	if s.db.Engine() == database.SQLite {
		return 64
	}
	return atOnce
}

func (s *store) Append(ctx context.Context, chain int, seal func(*domain.Head) []domain.Entry) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		q := s.db.Write(ctx)
		locked, err := s.hold(q, chain)
		if err != nil {
			return err
		}
		head := locked.head()
		entries := seal(&head)
		rows := make([]row, len(entries))
		for i, e := range entries {
			rows[i] = rowOf(e)
		}
		if err := q.CreateInBatches(rows, s.rowsAtOnce()).Error; err != nil {
			return err
		}
		if err := q.CreateInBatches(subjectsOf(entries), s.rowsAtOnce()).Error; err != nil {
			return err
		}
		return q.Model(&headRow{}).Where("chain = ?", head.Chain).Updates(map[string]any{
			"sequence": head.Sequence, "mac": head.MAC[:], "last_at": database.At(head.Time),
		}).Error
	})
}

// hold locks the head of a chain until the transaction ends. Of all chains it takes the first that nobody holds; when all are held, those who come wait
// for one after the other of them.
func (s *store) hold(q *gorm.DB, chain int) (locked headRow, err error) {
	if chain == domain.AnyChain {
		free := q.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Order("chain").Limit(1).Find(&locked)
		if free.Error != nil || free.RowsAffected == 1 {
			return locked, free.Error
		}
		chain = 1 + int(s.turn.Add(1)%domain.Chains)
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
	err := s.db.Read(ctx).Where("chain = ? AND sequence > ?", chain, after).Order("sequence, created_at").Limit(limit).Find(&rows).Error
	return entriesOf(rows), err
}

// columns are what the list may be ordered by.
var columns = database.Columns[row]{
	"created_at": func(r row) any { return r.CreatedAt },
	"id":         func(r row) any { return r.ID },
}

func (s *store) List(ctx context.Context, filter domain.Filter, request paging.Request) (paging.Page[domain.Entry], error) {
	q := s.db.Read(ctx)
	switch { // each has an index that serves the order
	case filter.Patient != nil:
		return s.about(ctx, filter, request)
	case filter.Actor != nil && filter.Action != "":
		q = q.Where("actor_id = ? AND (action = ?) IS TRUE", *filter.Actor, filter.Action) // IS TRUE keeps plans to the actor's index
	case filter.Actor != nil:
		q = q.Where("actor_id = ?", *filter.Actor)
	case filter.Action != "":
		q = q.Where("action = ?", filter.Action)
	default:
		q = q.Where("chain * 0 = 0") // of all of them
	}
	page, err := database.Page(database.Between(q, filter.CreatedAfter, filter.CreatedBefore), request, columns)
	return paging.Map(page, row.entry), err
}
