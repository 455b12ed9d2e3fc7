package ports

import (
	"context"
	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
)
