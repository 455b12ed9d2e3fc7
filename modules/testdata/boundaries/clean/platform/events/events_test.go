package events_test

import (
	"go.uber.org/fx"
)
