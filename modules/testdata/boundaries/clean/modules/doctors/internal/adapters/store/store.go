package store

import (
	"gorm.io/gorm"

	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/database"
)

type doctor struct{ ID string }

type patient struct{ DoctorID string }

func (patient) TableName() string { return "doctors" }
