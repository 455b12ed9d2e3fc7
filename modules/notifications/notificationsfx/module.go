// Package notificationsfx wires the notifications module. It is the only package of the module that uses fx.
package notificationsfx

import (
	"context"

	"github.com/spf13/cobra"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/adapters/cli"
	"healthcare/modules/notifications/internal/adapters/hooks"
	"healthcare/modules/notifications/internal/adapters/links"
	"healthcare/modules/notifications/internal/adapters/mailer"
	"healthcare/modules/notifications/internal/adapters/rest"
	"healthcare/modules/notifications/internal/adapters/store"
	"healthcare/modules/notifications/internal/app"
	"healthcare/platform/events"
	"healthcare/platform/httpserver"
	"healthcare/platform/mail"
	"healthcare/platform/telemetry"
)

// Document is the module's part of the contract.
var Document = rest.Document

// Module provides the module's API and its reactions; it needs a notifications.Config and a mail.Config.
var Module = fx.Module("notifications",
	fx.Provide(
		store.New, store.NewPreferences, store.NewReceivers, mailer.New, hooks.New, links.New, newReporter,
		app.NewComposer, app.NewCourier, app.NewPreferences, app.NewAdministration, app.NewWebhooks,
	),
	events.Subscribe(app.WhenAppointmentChanged),
	events.Subscribe(app.WhenTokenWanted),
	events.Subscribe(app.WhenPasswordChanged),
	events.Subscribe(app.WhenSignedInFromNewNetwork),
	events.Subscribe(app.WhenDoctorLinked),
	events.Subscribe(app.WhenClaimed),
	events.Subscribe(app.WhenPatientDeleted),
	events.Subscribe(app.WhenAccountRemoved),
	httpserver.Handle(rest.New),
	telemetry.Collect(store.Collectors),
)

// Command returns `healthcare deliveries`. It calls runWith to fill target from the program's graph and run work while
// the store is open.
func Command(runWith func(ctx context.Context, target any, work func(context.Context) error) error) *cobra.Command {
	return cli.New(func(ctx context.Context, do func(context.Context, *app.Administration) error) error {
		var service *app.Administration
		return runWith(ctx, &service, func(ctx context.Context) error { return do(ctx, service) })
	})
}

// Send sends what is due while the program serves.
func Send(lc fx.Lifecycle, courier *app.Courier, server mail.Config, cfg notifications.Config, log *zap.Logger) {
	mail.LogDestination(server, log)
	if server.URL != "" && cfg.PublicURL == "" {
		log.Warn("messages have no links, because public_url (PUBLIC_URL) is not set")
	}
	if len(cfg.WebhookAllowPrivate) > 0 {
		log.Warn("webhooks may be sent to addresses that are not public, by webhook_allow_private "+
			"(WEBHOOK_ALLOW_PRIVATE)", zap.Stringers("ranges", cfg.WebhookAllowPrivate))
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.StartStopHook(
		func() {
			go func() {
				defer close(done)
				if err := courier.Run(ctx); err != nil {
					log.Error("no messages are sent", zap.Error(err))
				}
			}()
		},
		func() { stop(); <-done },
	))
}
