package patientstest

import (
	"gorm.io/gorm"
)
