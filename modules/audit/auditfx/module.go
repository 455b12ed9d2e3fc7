// Package auditfx wires the audit module. It is the only package of the module that uses fx.
package auditfx

import (
	"context"

	"github.com/spf13/cobra"
	"go.uber.org/fx"
	"go.uber.org/zap"

	trail "healthcare/modules/audit"
	"healthcare/modules/audit/internal/adapters/checkpoints"
	"healthcare/modules/audit/internal/adapters/cli"
	"healthcare/modules/audit/internal/adapters/rest"
	"healthcare/modules/audit/internal/adapters/store"
	"healthcare/modules/audit/internal/app"
	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/httpserver"
	"healthcare/platform/keyring"
	"healthcare/platform/telemetry"
)

// Document is the module's part of the contract.
var Document = rest.Document

// Module provides audit.Recorder and the module's API. A program that uses the Recorder also runs the Keeper.
var Module = fx.Module("audit",
	fx.Provide(
		store.New, store.NewSegments, checkpoints.New, newKeys, newRecorder,
		app.NewSealing, app.NewRecorder, app.NewKeeper, app.NewReader, app.NewMaintenance,
	),
	httpserver.Handle(rest.New),
	telemetry.Collect(collectors),
)

// newKeys derives separate keys for entries and checkpoints. Errors: a key that is too short.
func newKeys(cfg trail.Config) (domain.Keys, error) {
	ring, err := keyring.New(cfg.Key, cfg.PreviousKeys...)
	if err != nil {
		return domain.Keys{}, err
	}
	derive := func(purpose string) (secrets []domain.Secret) {
		for _, key := range ring.All(purpose) {
			secrets = append(secrets, domain.Secret{ID: key.ID, Bytes: key.Secret})
		}
		return secrets
	}
	return domain.NewKeys(derive("audit entry"), derive("audit checkpoint")), nil
}

// newRecorder returns the recorder, and runs the keeper while the program runs.
func newRecorder(lc fx.Lifecycle, recorder *app.Recorder, keeper *app.Keeper) audit.Recorder {
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			if err := keeper.Start(ctx); err != nil {
				return err
			}
			go func() { defer close(done); keeper.Run(running) }()
			return nil
		},
		OnStop: func(ctx context.Context) error {
			stop()
			<-done
			keeper.Close(ctx)
			return nil
		},
	})
	return recorder
}

// Command returns `healthcare audit`. It calls runWith to fill target from the program's graph and run work while the
// store is open. An export is verified without a store, with the key in the Config that configured returns.
func Command(
	runWith func(ctx context.Context, target any, work func(context.Context) error) error,
	configured func() (trail.Config, error),
) *cobra.Command {
	return cli.New(func(ctx context.Context, do func(context.Context, *app.Maintenance) error) error {
		var maintenance *app.Maintenance
		return runWith(ctx, &maintenance, func(ctx context.Context) error { return do(ctx, maintenance) })
	}, func() (*app.Maintenance, error) {
		cfg, err := configured()
		if err != nil {
			return nil, err
		}
		keys, err := newKeys(cfg)
		return app.NewOfflineMaintenance(keys, checkpoints.New(cfg, zap.NewNop())), err
	})
}
