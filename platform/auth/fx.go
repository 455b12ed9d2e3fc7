package auth

import "go.uber.org/fx"

// Requirements are those of the graph.
type Requirements struct {
	fx.In

	All []Requirement `group:"requirements"`
}

// Require adds the Requirement that constructor returns to the graph.
func Require(constructor any) fx.Option {
	return fx.Provide(fx.Annotated{Group: "requirements", Target: constructor})
}
