// Package rest is the REST adapter of the appointments module: the contract (openapi.yaml), the code generated from it,
// and the handlers. They parse a request, call a use case and convert its result.
package rest

import (
	_ "embed" // for the contract

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/appointments/internal/app"
	"healthcare/platform/rest"
)

//go:generate go tool -modfile=../../../../../.tools/oapi.mod oapi-codegen -config ../../../../../platform/contract/oapi-codegen.yaml openapi.yaml

// Document is the module's part of the contract.
//
//go:embed openapi.yaml
var Document []byte

// New returns the module's part of the API.
func New(
	appointments *app.Service, types *app.Types, availability *app.Availability, feeds *app.Feeds,
) rest.API {
	return func(router fiber.Router) {
		RegisterHandlers(router, &handlers{appointments, types, availability, feeds})
	}
}

type handlers struct {
	appointments *app.Service
	types        *app.Types
	availability *app.Availability
	feeds        *app.Feeds
}
