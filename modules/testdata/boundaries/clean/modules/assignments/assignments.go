package assignments

import (
	"context"
	"github.com/google/uuid"
	"healthcare/platform/errs"
)
