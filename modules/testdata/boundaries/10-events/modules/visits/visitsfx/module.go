package visitsfx

import (
	"go.uber.org/fx"

	"healthcare/modules/visits/internal/app"
	"healthcare/platform/events"
)

// Module wires the visits.
var Module = fx.Module("visits", events.Subscribe(app.WhenPatientDeleted), events.Subscribe(app.WhenPatientTransferred))
