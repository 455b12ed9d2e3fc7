package ports

import (
	"context"
	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
)
