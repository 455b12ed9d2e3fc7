// Package doctorsfx wires the doctors module. It is the only package of the module that uses fx.
package doctorsfx

import (
	"go.uber.org/fx"

	"healthcare/modules/doctors/internal/adapters/rest"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/app"
	"healthcare/platform/database"
	"healthcare/platform/httpserver"
	"healthcare/platform/jobs"
)

// Document is the module's part of the contract.
var Document = rest.Document

// Module provides doctors.Directory and the module's API.
var Module = fx.Module("doctors",
	fx.Provide(store.New, app.New, app.NewDirectory),
	database.ProvideSearchTexts(store.NewSearchTexts),
	jobs.Handle(app.NewRemovals),
	httpserver.Handle(rest.New),
)
