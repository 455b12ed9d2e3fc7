package doctors

import (
	"context"
)
