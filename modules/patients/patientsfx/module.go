// Package patientsfx wires the patients module. It is the only package of the module that uses fx.
package patientsfx

import (
	"go.uber.org/fx"

	"healthcare/modules/patients/internal/adapters/rest"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/platform/database"
	"healthcare/platform/httpserver"
)

// Document is the module's part of the contract.
var Document = rest.Document

// Module provides patients.Directory, identity.UserData and the module's API.
var Module = fx.Module("patients",
	fx.Provide(store.New, app.New, app.NewDirectory, app.NewUserData),
	database.ProvideSearchTexts(store.NewSearchTexts),
	httpserver.Handle(rest.New),
)
