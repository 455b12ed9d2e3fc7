package events

import (
	"go.uber.org/fx"
)
