package patients

import (
	"context"
	"github.com/google/uuid"
	"healthcare/platform/errs"
)
