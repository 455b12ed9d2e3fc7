package store

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// subjectRow is an index row of an entry about a patient. It repeats columns of the entry, so that a patient's entries
// are one range of the index.
type subjectRow struct {
	PatientID uuid.UUID
	CreatedAt database.Time `gorm:"autoCreateTime:false"`
	ID        uuid.UUID
	Chain     int
	Sequence  int64
}

func (subjectRow) TableName() string { return "audit_subjects" }

// patientsOf returns the patients that an entry is about, each once: its PatientID, and the patients of a list or
// search.
func patientsOf(e domain.Entry) []uuid.UUID {
	all := slices.Collect(e.NamedPatients())
	slices.SortFunc(all, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(all)
}

// subjectColumns are the columns that the list may be ordered by, like columns.
var subjectColumns = database.Columns[subjectRow]{
	"created_at": func(r subjectRow) any { return r.CreatedAt },
	"id":         func(r subjectRow) any { return r.ID },
}

// listByPatient returns a page of the entries about a patient: one range of the index, whose entries are then looked
// up.
func (s *store) listByPatient(
	ctx context.Context, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Entry], error) {
	q := s.db.Read(ctx).Where("patient_id = ?", *filter.Patient)
	entry := s.db.Read(ctx).Table("audit_entries AS e").Select("1").
		Where("e.chain = audit_subjects.chain AND e.sequence = audit_subjects.sequence AND " +
			"e.created_at = audit_subjects.created_at")
	if filter.Actor != nil {
		q = q.Where("EXISTS (?)", entry.Session(&gorm.Session{}).Where("e.actor_id = ?", *filter.Actor))
	}
	if filter.Action != "" {
		q = q.Where("EXISTS (?)", entry.Session(&gorm.Session{}).Where("e.action = ?", filter.Action))
	}
	q = database.WhereCreated(q, filter.CreatedAfter, filter.CreatedBefore)
	page, err := database.Page(q, request, subjectColumns)
	if err != nil || len(page.Items) == 0 {
		return paging.Page[domain.Entry]{Total: page.Total}, err
	}
	entries, count, err := s.sealedEntries(ctx, *filter.Patient, page.Items)
	if err != nil {
		return paging.Page[domain.Entry]{}, err
	}
	page = page.Cut(count)
	return paging.Page[domain.Entry]{Items: entries, Next: page.Next, Total: page.Total}, nil
}

// sealedEntries returns the entries of rows that fit on a page, and the number of these rows. The index is not sealed,
// so an entry that does not name the patient is omitted.
func (s *store) sealedEntries(
	ctx context.Context, patient uuid.UUID, rows []subjectRow,
) (entries []domain.Entry, count int, err error) {
	const chunk = 100 // entries of up to 200 ids
	size := 0
	for part := range slices.Chunk(rows, chunk) {
		found, err := s.entriesByID(ctx, part)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range part {
			e := found[r.ID]
			size += paging.Size(e.RequestID, e.Address, e.Role) + paging.IDSize*len(e.IDs)
			if size > paging.MaxBytes && count > 0 {
				return entries, count, nil
			}
			count++
			if slices.Contains(patientsOf(e), patient) {
				entries = append(entries, e)
			}
		}
	}
	return entries, count, nil
}

func (s *store) FindUnindexed(ctx context.Context, entries []domain.Entry) (*domain.Entry, error) {
	var patients []uuid.UUID
	for _, e := range entries {
		patients = append(patients, patientsOf(e)...)
	}
	indexed := map[subjectRow]bool{}
	for part := range slices.Chunk(patients, batch) {
		var rows []subjectRow
		during := s.db.Read(ctx).Where(
			"created_at >= ? AND created_at <= ?",
			database.At(entries[0].Time),
			database.At(entries[len(entries)-1].Time),
		)
		err := database.WhereIn(during, "patient_id", part).Find(&rows).Error
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			indexed[subjectRow{PatientID: r.PatientID, ID: r.ID}] = true
		}
	}
	for i, e := range entries {
		for _, patient := range patientsOf(e) {
			if !indexed[subjectRow{PatientID: patient, ID: e.ID}] {
				return &entries[i], nil
			}
		}
	}
	return nil, nil //nolint:nilnil // every entry is indexed
}

// entriesByID returns the entries of rows by their ids.
func (s *store) entriesByID(ctx context.Context, rows []subjectRow) (map[uuid.UUID]domain.Entry, error) {
	var chains []int
	var sequences []int64
	first, last := rows[0].CreatedAt, rows[0].CreatedAt // limits PostgreSQL to the partitions of these months
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
	var found []row // also entries of one row's chain at another row's sequence
	during := s.db.Read(ctx).Where("created_at >= ? AND created_at <= ?", first, last)
	err := database.WhereIn(
		database.WhereIn(during, "chain", slices.Compact(chains)), "sequence", sequences,
	).Find(&found).Error
	entries := make(map[uuid.UUID]domain.Entry, len(found))
	for _, r := range found {
		entries[r.ID] = r.entry()
	}
	return entries, err
}

func (s *store) DeleteSubjects(
	ctx context.Context, chain int, from uuid.UUID, limit int,
) (next uuid.UUID, more bool, err error) {
	var bound []uuid.UUID
	err = s.db.Read(ctx).Model(&subjectRow{}).Where("patient_id > ?", from).Order("patient_id").
		Offset(limit).Limit(1).Pluck("patient_id", &bound).Error
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
