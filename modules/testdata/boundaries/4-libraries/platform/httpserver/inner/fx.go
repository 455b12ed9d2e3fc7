package inner

import (
	"go.uber.org/fx"
)
