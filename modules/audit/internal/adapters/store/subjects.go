package store

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// subjectRow says that an entry is about a patient. It repeats what the entry says, so that a patient's entries are one stretch of an index.
type subjectRow struct {
	PatientID uuid.UUID
	CreatedAt database.Time `gorm:"autoCreateTime:false"`
	ID        uuid.UUID
	Chain     int
	Sequence  int64
}

func (subjectRow) TableName() string { return "audit_subjects" }

// subjectsOf are the patients that entries name, each once an entry; in the order of the index, so that what comes together lies together in it.
func subjectsOf(entries []domain.Entry) []subjectRow {
	many := 0
	for _, e := range entries {
		many += len(e.IDs) + 1
	}
	rows := make([]subjectRow, 0, many)
	for _, e := range entries {
		row := subjectRow{CreatedAt: database.At(e.Time), ID: e.ID, Chain: e.Chain, Sequence: e.Sequence}
		for row.PatientID = range named(e) {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b subjectRow) int {
		return cmp.Or(bytes.Compare(a.PatientID[:], b.PatientID[:]), cmp.Compare(a.Sequence, b.Sequence))
	})
	return slices.Compact(rows)
}

// subjects are the patients whom an entry is about, each once: the one it names, and those that a list or a search showed.
func subjects(e domain.Entry) []uuid.UUID {
	all := slices.Collect(named(e))
	slices.SortFunc(all, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(all)
}

// named are the patients in an entry, some of them more than once.
func named(e domain.Entry) iter.Seq[uuid.UUID] {
	return func(yield func(uuid.UUID) bool) {
		if e.PatientID != uuid.Nil && !yield(e.PatientID) || e.ResourceType != string(audit.Patient) {
			return
		}
		for _, id := range e.IDs {
			if id != uuid.Nil && !yield(id) {
				return
			}
		}
	}
}

// subjectColumns are what the list may be ordered by, as in columns.
var subjectColumns = database.Columns[subjectRow]{
	"created_at": func(r subjectRow) any { return r.CreatedAt },
	"id":         func(r subjectRow) any { return r.ID },
}

// about is a page of the entries about a patient: the page is one stretch of an index, whose entries are then looked up.
func (s *store) about(ctx context.Context, filter domain.Filter, request paging.Request) (paging.Page[domain.Entry], error) {
	q := s.db.Read(ctx).Where("patient_id = ?", *filter.Patient)
	entry := s.db.Read(ctx).Table("audit_entries AS e").Select("1").
		Where("e.chain = audit_subjects.chain AND e.sequence = audit_subjects.sequence AND e.created_at = audit_subjects.created_at")
	if filter.Actor != nil {
		q = q.Where("EXISTS (?)", entry.Session(&gorm.Session{}).Where("e.actor_id = ?", *filter.Actor))
	}
	if filter.Action != "" {
		q = q.Where("EXISTS (?)", entry.Session(&gorm.Session{}).Where("e.action = ?", filter.Action))
	}
	page, err := database.Page(database.Between(q, filter.CreatedAfter, filter.CreatedBefore), request, subjectColumns)
	if err != nil || len(page.Items) == 0 {
		return paging.Page[domain.Entry]{Total: page.Total}, err
	}
	entries, count, err := s.sealed(ctx, *filter.Patient, page.Items)
	if err != nil {
		return paging.Page[domain.Entry]{}, err
	}
	page = page.Cut(count)
	return paging.Page[domain.Entry]{Items: entries, Next: page.Next, Total: page.Total}, nil
}

// sealed returns the entries that rows stand for, as many as fit on a page, and how many of the rows these are. The
// sealed entry says whom it is about, not the index over it: an entry that does not name the patient is left out.
func (s *store) sealed(
	ctx context.Context, patient uuid.UUID, rows []subjectRow,
) (entries []domain.Entry, count int, err error) {
	const atOnce = 100 // of up to 200 ids each
	size := 0
	for some := range slices.Chunk(rows, atOnce) {
		found, err := s.lookUp(ctx, some)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range some {
			e := found[r.ID]
			size += paging.Size(e.RequestID, e.Address, e.Role) + paging.IDSize*len(e.IDs)
			if size > paging.MaxBytes && count > 0 {
				return entries, count, nil
			}
			count++
			if slices.Contains(subjects(e), patient) {
				entries = append(entries, e)
			}
		}
	}
	return entries, count, nil
}

func (s *store) Hidden(ctx context.Context, entries []domain.Entry) (*domain.Entry, error) {
	var patients []uuid.UUID
	for _, e := range entries {
		patients = append(patients, subjects(e)...)
	}
	there := map[subjectRow]bool{}
	for some := range slices.Chunk(patients, atOnce) {
		var rows []subjectRow
		during := s.db.Read(ctx).Where(
			"created_at >= ? AND created_at <= ?",
			database.At(entries[0].Time),
			database.At(entries[len(entries)-1].Time),
		)
		err := database.Among(during, "patient_id", some).Find(&rows).Error
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			there[subjectRow{PatientID: r.PatientID, ID: r.ID}] = true
		}
	}
	for i, e := range entries {
		for _, patient := range subjects(e) {
			if !there[subjectRow{PatientID: patient, ID: e.ID}] {
				return &entries[i], nil
			}
		}
	}
	return nil, nil //nolint:nilnil // none is hidden
}

// lookUp is the entries that rows stand for, by their ids.
func (s *store) lookUp(ctx context.Context, rows []subjectRow) (map[uuid.UUID]domain.Entry, error) {
	var chains []int
	var sequences []int64
	first, last := rows[0].CreatedAt, rows[0].CreatedAt // keeps PostgreSQL to the months that they are in
	for _, r := range rows {
		chains, sequences = append(chains, r.Chain), append(sequences, r.Sequence)
		if r.CreatedAt.Before(first.Time) {
			first = r.CreatedAt
		}
		if r.CreatedAt.After(last.Time) {
			last = r.CreatedAt
		}
	}
	slices.Sort(chains)
	var found []row // among them what stands at a sequence of another's chain, in the same time
	during := s.db.Read(ctx).Where("created_at >= ? AND created_at <= ?", first, last)
	err := database.Among(
		database.Among(during, "chain", slices.Compact(chains)), "sequence", sequences,
	).Find(&found).Error
	entries := make(map[uuid.UUID]domain.Entry, len(found))
	for _, r := range found {
		entries[r.ID] = r.entry()
	}
	return entries, err
}

func (s *store) Forget(ctx context.Context, chain int, from uuid.UUID, limit int) (next uuid.UUID, more bool, err error) {
	var bound []uuid.UUID
	err = s.db.Read(ctx).Model(&subjectRow{}).Where("patient_id > ?", from).Order("patient_id").Offset(limit).Limit(1).Pluck("patient_id", &bound).Error
	if err != nil {
		return uuid.Nil, false, err
	}
	q := s.db.Write(ctx).Where("patient_id >= ? AND chain = ?", from, chain).
		Where("sequence <= (SELECT anchor_sequence FROM audit_heads WHERE chain = ?)", chain)
	if len(bound) > 0 {
		next, more = bound[0], true
		q = q.Where("patient_id < ?", next)
	}
	return next, more, q.Delete(&subjectRow{}).Error
}
