package patientsfx

import (
	"go.uber.org/fx"
	"healthcare/modules/patients/internal/adapters/rest"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/platform/database"
	"healthcare/platform/events"
)
