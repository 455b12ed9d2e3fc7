package clock

import "go.uber.org/fx"

// Module provides the system's clock.
var Module = fx.Module("clock", fx.Provide(New))
