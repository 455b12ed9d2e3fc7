package tx

import (
	"context"
	"healthcare/platform/errs"
)
