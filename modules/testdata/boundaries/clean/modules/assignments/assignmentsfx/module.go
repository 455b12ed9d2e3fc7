package assignmentsfx

import (
	"go.uber.org/fx"
	"healthcare/modules/assignments/internal/adapters/rest"
	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/app"
	"healthcare/platform/database"
	"healthcare/platform/events"
)
