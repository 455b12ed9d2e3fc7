// Package store stores assignments in the database, with the same code for both engines.
package store

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// New returns the repository over db.
func New(db *database.DB) ports.Repository { return &store{db} }

type store struct{ db *database.DB }

type row struct {
	ID         assignments.ID
	OwnerID    uuid.UUID
	PatientID  patients.ID
	DoctorID   doctors.ID
	AssignedAt database.Time
	Access     assignments.Access
	Version    int
}

func (row) TableName() string { return "assignments" }

func rowOf(a domain.Assignment) row {
	return row{
		ID:         a.ID,
		OwnerID:    a.OwnerID,
		PatientID:  a.PatientID,
		DoctorID:   a.DoctorID,
		AssignedAt: database.At(a.AssignedAt),
		Access:     a.Access,
		Version:    a.Version,
	}
}

func (r row) assignment() domain.Assignment {
	return domain.Assignment{
		ID: r.ID, OwnerID: r.OwnerID, PatientID: r.PatientID, DoctorID: r.DoctorID, AssignedAt: r.AssignedAt.Time,
		Access: r.Access, Version: r.Version,
	}
}

// explain maps errors of the database to those of the module whose rule was violated.
func explain(err error) error {
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return assignments.ErrNotFound
	case database.Violates(err, "assignments_patient_id_doctor_id_key"):
		return assignments.ErrAlreadyAssigned.Because(err)
	case database.Violates(err, "assignments_patient_id_fkey"):
		return patients.ErrNotFound.Because(err)
	case database.Violates(err, "assignments_doctor_id_fkey"):
		return doctors.ErrNotFound.Because(err)
	}
	return err
}

// within narrows a statement to the assignments of the patients whom the scope's user owns. This and visible are the
// only places where a scope becomes a condition.
func within(q *gorm.DB, scope patients.Scope) *gorm.DB { return q.Where("owner_id = ?", scope.Owner()) }

func (s *store) Add(ctx context.Context, a domain.Assignment) error {
	r := rowOf(a)
	free, err := database.Insert(s.db.Write(ctx), &r, "patient_id", "doctor_id")
	if err == nil && !free {
		return assignments.ErrAlreadyAssigned
	}
	return explain(err)
}

func (s *store) Find(ctx context.Context, scope patients.Scope, id assignments.ID) (domain.Assignment, error) {
	var r row
	err := within(s.db.Read(ctx), scope).Where("id = ?", id).Take(&r).Error
	return r.assignment(), explain(err)
}

// columns lists the columns by which the list can be ordered.
var columns = database.Columns[row]{
	"assigned_at": func(r row) any { return r.AssignedAt },
	"id":          func(r row) any { return r.ID },
}

func (s *store) List(
	ctx context.Context, scope patients.Scope, except patients.Exceptions, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Assignment], error) {
	if scope.Doctors() != nil || len(except.Represented) > 0 {
		if filter != (domain.Filter{}) {
			ctx = database.PlanForValues(ctx)
		}
		page, err := database.PageOf(visible{s.db.Read(ctx), scope, except, filter}, request, columns)
		return paging.Map(page, row.assignment), err
	}
	page, err := database.Page(matching(within(s.db.Read(ctx), scope), filter), request, columns)
	return paging.Map(page, row.assignment), err
}

func (s *store) ListOf(
	ctx context.Context, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Assignment], error) {
	page, err := database.Page(matching(s.db.Read(ctx).Model(&row{}), filter), request, columns)
	return paging.Map(page, row.assignment), err
}

// matching narrows a list to the assignments that match the filter.
func matching(q *gorm.DB, filter domain.Filter) *gorm.DB {
	if filter.Patient != nil {
		q = q.Where("patient_id = ?", *filter.Patient)
	}
	if filter.Doctor != nil {
		q = q.Where("doctor_id = ?", *filter.Doctor)
	}
	return database.WhereBetween(q, "assigned_at", filter.AssignedAfter, filter.AssignedBefore)
}

func (s *store) FindAny(ctx context.Context, id assignments.ID) (domain.Assignment, error) {
	var r row
	err := s.db.Read(ctx).Where("id = ?", id).Take(&r).Error
	return r.assignment(), explain(err)
}

func (s *store) Change(
	ctx context.Context, scope patients.Scope, id assignments.ID, rule func(*domain.Assignment) error,
) (changed domain.Assignment, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var r row
		locked := within(s.db.Write(ctx), scope).Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("id = ?", id).Take(&r).Error; err != nil {
			return explain(err)
		}
		changed = r.assignment()
		if err := rule(&changed); err != nil || changed.Version == r.Version {
			return err
		}
		r = rowOf(changed)
		one := within(s.db.Write(ctx), scope).Where("id = ?", id)
		return explain(database.Update(one, &r, "id", "owner_id", "patient_id", "doctor_id", "assigned_at"))
	})
	return changed, err
}

func (s *store) Page(ctx context.Context, after assignments.ID, limit int) ([]domain.Assignment, error) {
	var rows []row
	page := s.db.Write(ctx).Clauses(clause.Locking{Strength: "SHARE"})
	err := page.Where("id > ?", after).Order("id").Limit(limit).Find(&rows).Error
	return assignmentsOf(rows), err
}

// whole returns the deleted rows.
var whole = clause.Returning{
	Columns: []clause.Column{
		{Name: "id"},
		{Name: "owner_id"},
		{Name: "patient_id"},
		{Name: "doctor_id"},
		{Name: "assigned_at"},
		{Name: "access"},
		{Name: "version"},
	},
}

func (s *store) Remove(
	ctx context.Context, scope patients.Scope, id assignments.ID,
) (domain.Assignment, error) {
	var removed []row
	err := within(s.db.Write(ctx).Clauses(whole), scope).Where("id = ?", id).Delete(&removed).Error
	if err == nil && len(removed) == 0 {
		err = assignments.ErrNotFound
	}
	if err != nil {
		return domain.Assignment{}, err
	}
	return removed[0].assignment(), nil
}

func (s *store) RemoveAllOfPatients(ctx context.Context, removed []patients.ID) (ended int, err error) {
	done := database.WhereIn(s.db.Write(ctx), "patient_id", removed).Delete(&row{})
	return int(done.RowsAffected), done.Error
}

func (s *store) SetOwner(ctx context.Context, of []patients.ID, owner uuid.UUID) (changed int, err error) {
	q := database.WhereIn(s.db.Write(ctx).Model(&row{}).Where("owner_id <> ?", owner), "patient_id", of)
	done := q.Updates(map[string]any{"owner_id": owner})
	return int(done.RowsAffected), done.Error
}

func (s *store) Owners(ctx context.Context, doctor doctors.ID, limit int) ([]uuid.UUID, error) {
	var rows []row
	err := s.db.Read(ctx).Select("owner_id").Where("doctor_id = ?", doctor).Limit(limit).Find(&rows).Error
	owners := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		owners[i] = r.OwnerID
	}
	return owners, err
}

func (s *store) CountOfDoctor(ctx context.Context, doctor doctors.ID) (int, error) {
	var count int64
	err := s.db.Read(ctx).Model(&row{}).Where("doctor_id = ?", doctor).Count(&count).Error
	return int(count), err
}

func (s *store) OfDoctor(ctx context.Context, doctor doctors.ID, limit int) ([]domain.Assignment, error) {
	var rows []row
	err := s.db.Read(ctx).Where("doctor_id = ?", doctor).Limit(limit).Find(&rows).Error
	return assignmentsOf(rows), err
}

func assignmentsOf(rows []row) []domain.Assignment {
	all := make([]domain.Assignment, len(rows))
	for i, r := range rows {
		all[i] = r.assignment()
	}
	return all
}

func idsOf(all []domain.Assignment) []assignments.ID {
	ids := make([]assignments.ID, len(all))
	for i, a := range all {
		ids[i] = a.ID
	}
	return ids
}

func (s *store) AddMissing(ctx context.Context, all []domain.Assignment) ([]domain.Assignment, error) {
	rows := make([]row, len(all))
	for i, a := range all {
		rows[i] = rowOf(a)
	}
	// In the order in which the removal of a user's patients locks them, so that the two do not deadlock.
	slices.SortFunc(rows, func(a, b row) int { return bytes.Compare(a.PatientID.UUID[:], b.PatientID.UUID[:]) })
	pair := clause.OnConflict{Columns: []clause.Column{{Name: "patient_id"}, {Name: "doctor_id"}}, DoNothing: true}
	if err := explain(s.db.Write(ctx).Clauses(pair).Create(&rows).Error); err != nil {
		return nil, err
	}
	var added []row
	err := database.WhereIn(s.db.Write(ctx), "id", idsOf(all)).Find(&added).Error
	return assignmentsOf(added), err
}

func (s *store) RemoveAll(ctx context.Context, all []domain.Assignment) ([]domain.Assignment, error) {
	var removed []row
	err := database.WhereIn(s.db.Write(ctx).Clauses(whole), "id", idsOf(all)).Delete(&removed).Error
	return assignmentsOf(removed), err
}

func (s *store) AfterCommit(ctx context.Context, do func()) { s.db.AfterCommit(ctx, do) }

func (s *store) CountOf(ctx context.Context, user uuid.UUID, limit int) (int, error) {
	var count int64
	some := within(s.db.Read(ctx).Model(&row{}), patients.OwnedBy(user)).Select("1").Limit(limit)
	err := s.db.Read(ctx).Table("(?) AS counted", some).Count(&count).Error
	return int(count), err
}
