// Package assignmentsfx wires the assignments module. It is the only package of the module that uses fx.
package assignmentsfx

import (
	"go.uber.org/fx"

	"healthcare/modules/assignments/internal/adapters/rest"
	"healthcare/modules/assignments/internal/adapters/store"
	"healthcare/modules/assignments/internal/app"
	"healthcare/platform/events"
	"healthcare/platform/httpserver"
)

// Document is the module's part of the contract.
var Document = rest.Document

// Module provides assignments.Directory, doctors.Assignments, the module's API and its reactions.
var Module = fx.Module("assignments",
	fx.Provide(store.New, app.NewLimit, app.New, app.NewDirectory, app.NewReleaser, app.NewDoctorAssignments),
	events.Subscribe(app.WhenPatientDeleted),
	events.Subscribe(app.WhenPatientTransferred),
	events.Subscribe(app.WhenDoctorDeleted),
	httpserver.Handle(rest.New),
)
