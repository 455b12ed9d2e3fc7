// Package patientsfx wires the patients module. It is the only package of the module that uses fx.
package patientsfx

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/modules/identity"
	"healthcare/modules/patients/internal/adapters/cli"
	"healthcare/modules/patients/internal/adapters/rest"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/events"
	"healthcare/platform/httpserver"
	"healthcare/platform/keyring"
	"healthcare/platform/onetime"
	platform "healthcare/platform/rest"
)

// Document is the module's part of the contract.
var Document = rest.Document

// Module provides patients.Directory, patients.Contacts, identity.UserData, the module's API and its reactions.
var Module = fx.Module("patients",
	fx.Provide(
		store.New, store.NewGrants, store.NewCareTeams, store.NewInvitations, store.NewCorrections,
		store.NewRestrictions, store.NewEmergencies,
		app.NewLimit, app.New, invitations, app.NewCorrections, app.NewRestrictions, app.NewAccess, app.NewEmergencies,
		app.NewDirectory, app.NewContacts, app.NewUserData, app.NewCare, app.NewSync,
	),
	events.Subscribe(app.WhenAssigned),
	events.Subscribe(app.WhenAccessChanged),
	events.Subscribe(app.WhenEnded),
	events.Subscribe(app.WhenDoctorDeleted),
	events.Subscribe(app.WhenDeleted),
	events.Subscribe(app.WhenAged),
	database.ProvideSearchTexts(store.NewSearchTexts),
	httpserver.Handle(api),
)

func invitations(
	service *app.Service, invitations ports.Invitations, restrictions ports.Restrictions, parties identity.Parties,
	keys keyring.Ring,
) *app.Invitations {
	return app.NewInvitations(service, invitations, restrictions, parties, onetime.For(keys, "patient invitation"))
}

// Command returns `healthcare access`. It calls runWith to fill target from the program's graph and run work while the
// store is open.
func Command(runWith func(ctx context.Context, target any, work func(context.Context) error) error) *cobra.Command {
	return cli.New(func(ctx context.Context, do func(context.Context, *app.Sync) error) error {
		var sync *app.Sync
		return runWith(ctx, &sync, func(ctx context.Context) error { return do(ctx, sync) })
	})
}

// syncInterval is the time after which an assignment that an earlier release made or ended is noticed.
const syncInterval = time.Hour

// api is the module's API. Before the first request it fills what an upgrade added. Then it mends at the start and
// every hour what an earlier release has changed without it.
func api(
	lc fx.Lifecycle, service *app.Service, invitations *app.Invitations, corrections *app.Corrections,
	restrictions *app.Restrictions, access *app.Access, emergencies *app.Emergencies, sync *app.Sync, log *zap.Logger,
) platform.API {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(starting context.Context) error {
			if err := sync.Fill(starting); err != nil {
				return err
			}
			go func() {
				defer close(done)
				keepInSync(ctx, sync, log)
			}()
			return nil
		},
		OnStop: func(context.Context) error {
			stop()
			<-done
			return nil
		},
	})
	return rest.New(service, invitations, corrections, restrictions, access, emergencies)
}

// keepInSync compares and mends, and removes what has expired, until ctx ends.
func keepInSync(ctx context.Context, sync *app.Sync, log *zap.Logger) {
	tick := time.NewTicker(syncInterval)
	defer tick.Stop()
	for {
		mended := 0
		err := sync.Run(ctx, auth.Principal{}, true, func(int) {}, func(app.Difference) { mended++ })
		if err != nil && ctx.Err() == nil {
			log.Warn("the grants were not compared with their sources; the next attempt is in an hour", zap.Error(err))
		}
		if err := sync.Expire(ctx); err != nil && ctx.Err() == nil {
			log.Warn("grants that have expired were not removed; the next attempt is in an hour", zap.Error(err))
		}
		if mended > 0 {
			log.Warn("grants differed from their sources and were mended: does an earlier release serve as well?",
				zap.Int("sources", mended))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
