package store

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"healthcare/modules/assignments/internal/ports"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
)

type row struct {
	ID        string `gorm:"primaryKey"`
	PatientID string
}

func (*row) TableName() string { return "assignments" }

var errGone = errors.New("no such patients")

func (s *store) Add(ctx context.Context, r row) error {
	err := s.db.Write(ctx).Create(&r).Error
	if database.Violates(err, "assignments_patient_id_fkey") {
		return patients.ErrNotFound
	}
	return fmt.Errorf("add to patients: %w", err)
}
