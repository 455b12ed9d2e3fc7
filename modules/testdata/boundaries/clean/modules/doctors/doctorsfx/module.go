package doctorsfx

import (
	"go.uber.org/fx"
	"healthcare/modules/doctors/internal/adapters/rest"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/app"
	"healthcare/platform/database"
	"healthcare/platform/events"
)
