// Package appointmentsfx wires the appointments module. It is the only package of the module that uses fx.
package appointmentsfx

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/modules/appointments/internal/adapters/cli"
	"healthcare/modules/appointments/internal/adapters/rest"
	"healthcare/modules/appointments/internal/adapters/store"
	"healthcare/modules/appointments/internal/app"
	"healthcare/platform/events"
	"healthcare/platform/httpserver"
	platform "healthcare/platform/rest"
)

// Document is the module's part of the contract.
var Document = rest.Document

// Module provides appointments.Directory, the module's API and its reactions; it needs an appointments.Config.
var Module = fx.Module("appointments",
	fx.Provide(
		store.New, store.NewTypes, store.NewAvailability, store.NewWaitingList,
		app.New, app.NewTypes, app.NewAvailability, app.NewDirectory,
	),
	fx.Provide(store.NewFeeds, app.NewFeeds),
	events.Subscribe(app.WhenUnlinkedEndFeeds),
	events.Subscribe(app.WhenDoctorDeletedEndFeeds),
	events.Subscribe(app.WhenAccountRemovedEndFeeds),
	events.Subscribe(app.WhenPatientDeleted),
	events.Subscribe(app.WhenPatientTransferred),
	events.Subscribe(app.WhenDoctorRemoving),
	events.Subscribe(app.WhenDoctorDeleted),
	httpserver.Handle(api),
)

// Command returns `healthcare appointments`. It calls runWith to fill target from the program's graph and run work
// while the store is open.
func Command(runWith func(ctx context.Context, target any, work func(context.Context) error) error) *cobra.Command {
	return cli.New(func(ctx context.Context, do func(context.Context, *app.Service) error) error {
		var service *app.Service
		return runWith(ctx, &service, func(ctx context.Context) error { return do(ctx, service) })
	})
}

// expireInterval is the time after which an expired reservation is announced, unless a booking does it before.
const expireInterval = time.Minute

// api is the module's API. While it serves, it ends expired reservations.
func api(
	lc fx.Lifecycle, service *app.Service, types *app.Types, availability *app.Availability, feeds *app.Feeds,
	log *zap.Logger,
) platform.API {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.StartStopHook(
		func() { go func() { defer close(done); expire(ctx, service, log) }() },
		func() { stop(); <-done },
	))
	return rest.New(service, types, availability, feeds)
}

// expire ends expired reservations until ctx ends.
func expire(ctx context.Context, service *app.Service, log *zap.Logger) {
	tick := time.NewTicker(expireInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := service.ExpireDue(ctx); err != nil && ctx.Err() == nil {
			log.Warn("expired reservations were not ended; the next attempt is in a minute", zap.Error(err))
		}
	}
}
