// Package store keeps patients in the database, by one code for both engines. Every statement carries the scope.
package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
)

// New is the repository over db.
func New(db *database.DB) ports.Repository { return &store{db} }

type store struct{ db *database.DB }

type row struct {
	ID                  patients.ID
	OwnerID             uuid.UUID
	Name                string
	Gender              string
	Age                 *int // NULL while there is a birth date
	BirthDate           domain.Date
	Email               string
	Phone               string
	Address             string
	MedicalRecordNumber database.Text
	Notes               string
	Version             int
	CreatedAt           database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt           database.Time `gorm:"autoUpdateTime:false"` // the domain tells the time
}

func (row) TableName() string { return "patients" }

func rowOf(p domain.Patient) row {
	r := row{
		ID: p.ID, OwnerID: p.OwnerID, Name: p.Details.Name, Gender: p.Details.Gender, BirthDate: p.Details.BirthDate,
		Email: p.Details.Email, Phone: p.Details.Phone, Address: p.Details.Address,
		MedicalRecordNumber: database.Text(p.Details.MedicalRecordNumber), Notes: p.Details.Notes,
		Version: p.Version, CreatedAt: database.At(p.CreatedAt), UpdatedAt: database.At(p.UpdatedAt),
	}
	if r.BirthDate == (domain.Date{}) {
		r.Age = &p.Details.Age
	}
	return r
}

func (r row) patient() domain.Patient {
	p := domain.Patient{
		ID: r.ID, OwnerID: r.OwnerID,
		Details: domain.Details{
			Name: r.Name, Gender: r.Gender, BirthDate: r.BirthDate, Email: r.Email, Phone: r.Phone, Address: r.Address,
			MedicalRecordNumber: string(r.MedicalRecordNumber), Notes: r.Notes,
		},
		Version: r.Version, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
	if r.Age != nil {
		p.Details.Age = *r.Age
	}
	return p
}

func patientsOf(rows []row) []domain.Patient {
	all := make([]domain.Patient, len(rows))
	for i, r := range rows {
		all[i] = r.patient()
	}
	return all
}

// explain turns what the store refused into the module's own errors.
func explain(err error) error {
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return patients.ErrNotFound
	case database.Violates(err, "patients_owner_id_medical_record_number_key"):
		return patients.ErrMedicalRecordNumberTaken.Because(err)
	}
	return err
}

// within narrows a statement to the scope.
func within(q *gorm.DB, scope patients.Scope) *gorm.DB { return q.Where("owner_id = ?", scope.Owner()) }

func (s *store) Add(ctx context.Context, patient domain.Patient) error {
	r := rowOf(patient)
	return explain(s.db.Write(ctx).Create(&r).Error)
}

func (s *store) Find(ctx context.Context, scope patients.Scope, id patients.ID) (domain.Patient, error) {
	var r row
	err := within(s.db.Read(ctx), scope).Where("id = ?", id).Take(&r).Error
	return r.patient(), explain(err)
}

func (s *store) FindAll(ctx context.Context, scope patients.Scope, ids []patients.ID) ([]domain.Patient, error) {
	var rows []row
	err := within(s.db.Read(ctx), scope).Where("id IN ?", ids).Find(&rows).Error
	return patientsOf(rows), err
}

func (s *store) List(ctx context.Context, scope patients.Scope) ([]domain.Patient, error) {
	var rows []row
	err := within(s.db.Read(ctx), scope).Order("created_at DESC, id DESC").Find(&rows).Error
	return patientsOf(rows), err
}

func (s *store) Change(
	ctx context.Context, scope patients.Scope, id patients.ID, rule func(*domain.Patient) error,
) (changed domain.Patient, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		var r row
		locked := within(s.db.Write(ctx), scope).Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("id = ?", id).Take(&r).Error; err != nil {
			return explain(err)
		}
		changed = r.patient()
		if err := rule(&changed); err != nil {
			return err
		}
		if changed.Version == r.Version {
			return nil
		}
		r = rowOf(changed)
		return explain(within(s.db.Write(ctx).Model(&row{}), scope).Where("id = ?", id). // never the owner
													Select("name", "gender", "age", "birth_date", "email", "phone", "address", "medical_record_number", "notes", "version", "updated_at").
													Updates(&r).Error)
	})
	return changed, err
}

func (s *store) Hold(ctx context.Context, scope patients.Scope, id patients.ID) error {
	var r row
	locked := within(s.db.Write(ctx), scope).Clauses(clause.Locking{Strength: "UPDATE"})
	return explain(locked.Select("id").Where("id = ?", id).Take(&r).Error)
}

func (s *store) Remove(ctx context.Context, scope patients.Scope, id patients.ID) error {
	done := within(s.db.Write(ctx), scope).Where("id = ?", id).Delete(&row{})
	if done.Error == nil && done.RowsAffected == 0 {
		return patients.ErrNotFound
	}
	return done.Error
}
