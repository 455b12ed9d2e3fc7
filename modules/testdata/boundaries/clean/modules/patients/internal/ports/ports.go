package ports

import (
	"context"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
)
