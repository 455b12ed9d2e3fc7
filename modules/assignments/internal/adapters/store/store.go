// Package store keeps assignments in the database, by one code for both engines.
package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// New is the repository over db.
func New(db *database.DB) ports.Repository { return &store{db} }

type store struct{ db *database.DB }

type row struct {
	ID         assignments.ID
	OwnerID    uuid.UUID
	PatientID  patients.ID
	DoctorID   doctors.ID
	AssignedAt database.Time
}

func (row) TableName() string { return "assignments" }

func (r row) assignment() domain.Assignment {
	return domain.Assignment{ID: r.ID, OwnerID: r.OwnerID, PatientID: r.PatientID, DoctorID: r.DoctorID, AssignedAt: r.AssignedAt.Time}
}

// explain turns what the store refused into the error of the module whose rule it is.
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

// within narrows a statement to the assignments of the scope's patients.
func within(q *gorm.DB, scope patients.Scope) *gorm.DB { return q.Where("owner_id = ?", scope.Owner()) }

func (s *store) Add(ctx context.Context, a domain.Assignment) error {
	r := row{ID: a.ID, OwnerID: a.OwnerID, PatientID: a.PatientID, DoctorID: a.DoctorID, AssignedAt: database.At(a.AssignedAt)}
	return explain(s.db.Write(ctx).Create(&r).Error)
}

func (s *store) Find(ctx context.Context, scope patients.Scope, id assignments.ID) (domain.Assignment, error) {
	var r row
	err := within(s.db.Read(ctx), scope).Where("id = ?", id).Take(&r).Error
	return r.assignment(), explain(err)
}

// columns are what the list may be ordered by.
var columns = database.Columns[row]{
	"assigned_at": func(r row) any { return r.AssignedAt },
	"id":          func(r row) any { return r.ID },
}

func (s *store) List(
	ctx context.Context, scope patients.Scope, filter domain.Filter, request paging.Request,
) (paging.Page[domain.Assignment], error) {
	q := within(s.db.Read(ctx), scope)
	if filter.Patient != nil {
		q = q.Where("patient_id = ?", *filter.Patient)
	}
	if filter.Doctor != nil {
		q = q.Where("doctor_id = ?", *filter.Doctor)
	}
	if !filter.AssignedAfter.IsZero() {
		q = q.Where("assigned_at > ?", database.At(filter.AssignedAfter))
	}
	if !filter.AssignedBefore.IsZero() {
		q = q.Where("assigned_at < ?", database.At(filter.AssignedBefore))
	}
	page, err := database.Page(q, request, columns)
	return paging.Map(page, row.assignment), err
}

func (s *store) PatientsOf(ctx context.Context, scope patients.Scope, doctor uuid.UUID, limit int) ([]patients.ID, error) {
	var rows []row
	err := within(s.db.Read(ctx), scope).Select("patient_id").Where("doctor_id = ?", doctor).Limit(limit).Find(&rows).Error
	ids := make([]patients.ID, len(rows))
	for i, r := range rows {
		ids[i] = r.PatientID
	}
	return ids, err
}

func (s *store) Remove(ctx context.Context, scope patients.Scope, id assignments.ID) error {
	done := within(s.db.Write(ctx), scope).Where("id = ?", id).Delete(&row{})
	if done.Error == nil && done.RowsAffected == 0 {
		return assignments.ErrNotFound
	}
	return done.Error
}

func (s *store) RemoveAllOfPatients(ctx context.Context, gone []patients.ID) error {
	return database.Among(s.db.Write(ctx), "patient_id", gone).Delete(&row{}).Error
}

func (s *store) RemoveAllOfDoctor(ctx context.Context, doctor doctors.ID) error {
	return s.db.Write(ctx).Where("doctor_id = ?", doctor).Delete(&row{}).Error
}
