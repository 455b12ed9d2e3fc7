package tx

import (
	"context"
)
