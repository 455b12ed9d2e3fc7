// Package auditfx wires the audit module; nothing else of it knows fx.
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
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/httpserver"
	"healthcare/platform/keyring"
	"healthcare/platform/telemetry"
)

// Module provides audit.Recorder, the role of an auditor and the module's API. Whoever asks for the Recorder starts the Keeper.
var Module = fx.Module("audit",
	fx.Provide(store.New, checkpoints.New, keys, app.NewRecorder, app.NewKeeper, app.NewReader, app.NewCustodian, recorder),
	auth.Declare(auditor),
	httpserver.Handle(rest.New),
	telemetry.Collect(collectors),
)

// keys derives what seals entries and signs checkpoints, each for its purpose alone. Errors: a key that is too short.
func keys(cfg trail.Config) (domain.Keys, error) {
	ring, err := keyring.New(cfg.Key, cfg.PreviousKeys...)
	if err != nil {
		return domain.Keys{}, err
	}
	derived := func(purpose string) (secrets []domain.Secret) {
		for _, key := range ring.All(purpose) {
			secrets = append(secrets, domain.Secret{ID: key.ID, Bytes: key.Secret})
		}
		return secrets
	}
	return domain.NewKeys(derived("audit entry"), derived("audit checkpoint")), nil
}

// recorder hands out the trail, looked after for as long as the program runs.
func recorder(lc fx.Lifecycle, recorder *app.Recorder, keeper *app.Keeper) audit.Recorder {
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			if err := keeper.Begin(ctx); err != nil {
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

func auditor() auth.Declaration {
	return auth.Declaration{Role: "auditor", Description: "Reads the audit trail, and no patient."}
}

// Command returns `healthcare audit`. over fills target from the program's graph, whose store is open while work runs. An export is verified without
// a store, with the key in the Config that configured returns.
func Command(over func(ctx context.Context, target any, work func(context.Context) error) error, configured func() (trail.Config, error)) *cobra.Command {
	return cli.New(func(ctx context.Context, do func(context.Context, *app.Custodian) error) error {
		var custodian *app.Custodian
		return over(ctx, &custodian, func(ctx context.Context) error { return do(ctx, custodian) })
	}, func() (*app.Custodian, error) {
		cfg, err := configured()
		if err != nil {
			return nil, err
		}
		keys, err := keys(cfg)
		return app.NewCustodian(nil, keys, checkpoints.New(cfg, zap.NewNop()), nil, clock.New()), err
	})
}
