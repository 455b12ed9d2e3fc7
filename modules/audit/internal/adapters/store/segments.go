package store

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
)

// NewSegments returns the Segments stored in db.
func NewSegments(db *database.DB) ports.Segments { return &segments{db} }

type segments struct{ db *database.DB }

// read returns a handle for queries of the primary: a replica may lack the last segment.
func (s *segments) read(ctx context.Context) *gorm.DB { return s.db.Read(database.FromPrimary(ctx)) }

func (s *segments) InTransaction(ctx context.Context) bool { return s.db.InTransaction(ctx) }

func (s *segments) CheckContext(ctx context.Context) error { return s.db.CheckContext(ctx) }

func (s *segments) AfterTransaction(ctx context.Context, do func(context.Context) error) error {
	return s.db.AfterTransaction(ctx, do)
}

func (s *segments) AfterCommit(ctx context.Context, do func()) { s.db.AfterCommit(ctx, do) }

type chainRow struct {
	ID             int `gorm:"primaryKey;autoIncrement:false"`
	Number         *int64
	Sequence       int64
	MAC            []byte `gorm:"column:mac"`
	SealedTo       int64
	Claimed        string
	AnchorNumber   int64
	AnchorSequence int64
	AnchorMAC      []byte `gorm:"column:anchor_mac"`
	Closed         bool
}

func (chainRow) TableName() string { return "audit_chain" }

func position(number, sequence int64, mac []byte) domain.Position {
	p := domain.Position{Number: number, Sequence: sequence}
	copy(p.MAC[:], mac)
	return p
}

func (s *segments) Chain(ctx context.Context) (c ports.Chain, err error) {
	var row chainRow
	err = s.read(ctx).Where("id = 1").Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = &domain.Flaw{
			Chain: domain.SegmentChain, Sequence: 1, Reason: "is missing, together with its whole chain (audit_chain)",
		}
	}
	if err != nil {
		return c, err
	}
	var number int64
	if row.Number != nil {
		number = *row.Number
	}
	return ports.Chain{
		Span: domain.SegmentSpan{
			From: position(row.AnchorNumber, row.AnchorSequence, row.AnchorMAC),
			To:   position(number, row.Sequence, row.MAC),
		},
		SealedTo: row.SealedTo,
		Closed:   row.Closed,
	}, nil
}

type segmentRow struct {
	Number   int64 `gorm:"primaryKey;autoIncrement:false"`
	First    int64
	Entries  int
	FirstAt  int64 `gorm:"autoCreateTime:false"`
	LastAt   int64
	SealedAt int64
	KeyID    string
	MAC      []byte `gorm:"column:mac"`
	RawSize  int
	Packed   []byte
}

func (segmentRow) TableName() string { return "audit_segments" }

func segmentRowOf(s domain.Segment) segmentRow {
	return segmentRow{
		Number: s.Number, First: s.First, Entries: s.Entries, FirstAt: s.FirstAt.UnixMicro(),
		LastAt: s.LastAt.UnixMicro(), SealedAt: s.SealedAt.UnixMicro(), KeyID: s.KeyID, MAC: s.MAC[:],
		RawSize: s.RawSize, Packed: pack(s.Raw),
	}
}

func (r segmentRow) segment() domain.Segment {
	instant := func(microseconds int64) time.Time { return time.UnixMicro(microseconds).UTC() }
	s := domain.Segment{Header: domain.Header{
		Number: r.Number, First: r.First, Entries: r.Entries, FirstAt: instant(r.FirstAt), LastAt: instant(r.LastAt),
		SealedAt: instant(r.SealedAt), KeyID: r.KeyID, RawSize: r.RawSize,
	}}
	if r.Packed != nil {
		s.Raw = unpack(r.Packed, r.RawSize)
	}
	copy(s.MAC[:], r.MAC) // a MAC of another length fails verification
	return s
}

// errRaced rolls back a seal whose segment another sealer has stored.
var errRaced = errors.New("audit: another instance sealed these batches")

func (s *segments) Seal(ctx context.Context, after domain.Position, seal domain.Seal) (bool, error) {
	return s.seal(ctx, after, seal, nil)
}

func (s *segments) Close(
	ctx context.Context, after domain.Position, seal domain.Seal, ends []domain.Mark,
) (bool, error) {
	return s.seal(ctx, after, seal, ends)
}

func (s *segments) seal(
	ctx context.Context, after domain.Position, seal domain.Seal, ends []domain.Mark,
) (stored bool, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		q := s.db.Write(ctx)
		if err := s.lockEnds(q, ends); err != nil {
			return err
		}
		row := segmentRowOf(seal.Segment)
		if stored, err := database.Insert(q, &row, "number"); err != nil {
			return err
		} else if !stored {
			return errRaced
		}
		end := seal.End()
		sealedTo := int64(0)
		for _, id := range seal.Rows {
			sealedTo = max(sealedTo, id)
		}
		chain := q.Model(&chainRow{}).Where("id = 1 AND coalesce(number, 0) = ?", after.Number)
		err := exactly(1, chain.Updates(map[string]any{
			"number": end.Number, "sequence": end.Sequence, "mac": end.MAC[:], "claimed": claimed(seal.Rows),
			"sealed_to": gorm.Expr("CASE WHEN sealed_to < ? THEN ? ELSE sealed_to END", sealedTo, sealedTo),
			"closed":    gorm.Expr("CASE WHEN ? THEN ? ELSE closed END", len(ends) > 0, true),
		}))
		if err != nil || len(seal.Rows) == 0 {
			return err
		}
		return exactly(int64(len(seal.Rows)), database.WhereIn(q, "id", seal.Rows).Delete(&inboxRow{}))
	})
	if errors.Is(err, errRaced) {
		return false, nil
	}
	return err == nil, err
}

// lockEnds locks the heads of the chains of entries, and returns errRaced if one of them is not at its end.
func (s *segments) lockEnds(q *gorm.DB, ends []domain.Mark) error {
	if len(ends) == 0 {
		return nil
	}
	var heads []headRow
	err := q.Clauses(clause.Locking{Strength: "UPDATE"}).Order("chain").Find(&heads).Error
	if err == nil && !slices.EqualFunc(heads, ends, func(h headRow, end domain.Mark) bool {
		return h.Chain == end.Chain && h.span().To == end.Link
	}) {
		err = errRaced
	}
	return err
}

// exactly returns errRaced if a statement changed another number of rows.
func exactly(rows int64, done *gorm.DB) error {
	if done.Error == nil && done.RowsAffected != rows {
		return errRaced
	}
	return done.Error
}

func claimed(ids []int64) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(texts, ",")
}

func (s *segments) Range(ctx context.Context, after, upTo int64, limit int) ([]domain.Segment, error) {
	var rows []segmentRow
	err := s.read(ctx).Where("number > ? AND number <= ?", after, upTo).Order("number").Limit(limit).Find(&rows).Error
	return segmentsOf(rows), err
}

func segmentsOf(rows []segmentRow) []domain.Segment {
	all := make([]domain.Segment, len(rows))
	for i, row := range rows {
		all[i] = row.segment()
	}
	return all
}

func (s *segments) Select(ctx context.Context, numbers []int64) ([]domain.Segment, error) {
	var rows []segmentRow
	err := database.WhereIn(s.read(ctx), "number", numbers).Order("number").Find(&rows).Error
	return segmentsOf(rows), err
}

func (s *segments) Headers(ctx context.Context, after, upTo int64, limit int) ([]domain.Header, error) {
	var rows []segmentRow
	err := s.read(ctx).Omit("packed").Where("number > ? AND number <= ?", after, upTo).
		Order("number").Limit(limit).Find(&rows).Error
	all := make([]domain.Header, len(rows))
	for i, row := range rows {
		all[i] = row.segment().Header
	}
	return all, err
}

func (s *segments) Between(ctx context.Context, after, before time.Time) (first, last int64, err error) {
	var found struct{ First, Last *int64 }
	switch q := s.read(ctx); {
	case !after.IsZero() && !before.IsZero():
		err = q.Raw("SELECT (SELECT min(number) FROM audit_segments WHERE last_at > ?) AS first, "+
			"(SELECT max(number) FROM audit_segments WHERE first_at < ?) AS last",
			after.UnixMicro(), before.UnixMicro()).Scan(&found).Error
	case !after.IsZero():
		err = q.Raw("SELECT min(number) AS first, max(number) AS last FROM audit_segments WHERE last_at > ?",
			after.UnixMicro()).Scan(&found).Error
	default:
		err = q.Raw("SELECT min(number) AS first, max(number) AS last FROM audit_segments WHERE first_at < ?",
			before.UnixMicro()).Scan(&found).Error
	}
	if err != nil || found.First == nil || found.Last == nil {
		return 1, 0, err
	}
	return *found.First, *found.Last, nil
}

func (s *segments) LastSealedBefore(ctx context.Context, instant, now time.Time) (number int64, err error) {
	err = s.read(ctx).Raw("SELECT coalesce(max(number), 0) FROM audit_segments WHERE sealed_at < ? AND number < "+
		"coalesce((SELECT min(number) FROM audit_segments WHERE sealed_at >= ? AND sealed_at <= ?), ?)",
		instant.UnixMicro(), instant.UnixMicro(), now.UnixMicro(), int64(math.MaxInt64)).Scan(&number).Error
	return number, err
}

func (s *segments) SetSegmentAnchor(ctx context.Context, at domain.Position) error {
	return s.db.Write(ctx).Model(&chainRow{}).Where("id = 1").Updates(map[string]any{
		"anchor_number": at.Number, "anchor_sequence": at.Sequence, "anchor_mac": at.MAC[:],
	}).Error
}

func (s *segments) DeleteSegments(ctx context.Context, upTo int64) error {
	return s.db.Write(ctx).Where("number <= ?", upTo).Delete(&segmentRow{}).Error
}
