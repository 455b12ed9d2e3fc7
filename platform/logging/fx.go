package logging

import "go.uber.org/fx"

// Module provides the logger. fx itself logs nothing: how the graph is put together concerns no operator, and the command line reports a start
// that fails.
var Module = fx.Options(fx.Module("logging", fx.Provide(New)), fx.NopLogger)
