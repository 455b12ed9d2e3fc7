package domain

import (
	"healthcare/modules/patients/internal/domain/names"
)
