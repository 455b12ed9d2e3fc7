package auth

import "go.uber.org/fx"

// Module provides the Roles that the graph declares.
var Module = fx.Module("auth", fx.Provide(fx.Annotate(NewRoles, fx.ParamTags(`group:"roles"`))))

// Declare adds the Declaration that constructor returns to the graph.
func Declare(constructor any) fx.Option {
	return fx.Provide(fx.Annotate(constructor, fx.ResultTags(`group:"roles"`)))
}
