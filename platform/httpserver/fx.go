package httpserver

import (
	"context"

	"go.uber.org/fx"
)

// Module provides the server over every API of the graph; whoever invokes *Server starts it.
var Module = fx.Module("httpserver", fx.Provide(fx.Annotate(New, fx.ParamTags(``, ``, ``, ``, ``, ``, ``, `group:"apis"`))))

// Handle adds the API that constructor returns to the graph.
func Handle(constructor any) fx.Option {
	return fx.Provide(fx.Annotate(constructor, fx.ResultTags(`group:"apis"`)))
}

// Serve listens while the program runs. It is the one fx.Invoke of the program.
func Serve(lc fx.Lifecycle, s *Server) {
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error { return s.Listen() },
		OnStop:  s.Shutdown,
	})
}
