package app

import (
	"healthcare/modules/assignments"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/models"
)
