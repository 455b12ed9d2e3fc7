// Package doctorsfx wires the doctors module. It is the only package of the module that uses fx.
package doctorsfx

import (
	"go.uber.org/fx"

	"healthcare/modules/doctors/internal/adapters/rest"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/app"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/events"
	"healthcare/platform/httpserver"
	"healthcare/platform/jobs"
	"healthcare/platform/keyring"
	"healthcare/platform/onetime"
)

// Document is the module's part of the contract.
var Document = rest.Document

// Module provides doctors.Directory and the module's API; it needs a doctors.Config and a keyring.Ring.
var Module = fx.Module("doctors",
	fx.Provide(store.New, codes, app.New, app.NewDirectory),
	auth.Require(app.NewLinkRequirement),
	events.Subscribe(app.WhenAccountRemoved),
	database.ProvideSearchTexts(store.NewSearchTexts),
	jobs.Handle(app.NewRemovals),
	httpserver.Handle(rest.New),
)

func codes(keys keyring.Ring) app.Codes {
	return app.Codes{Codes: onetime.For(keys, "doctor invitation")}
}
