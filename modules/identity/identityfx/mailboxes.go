package identityfx

import (
	"context"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/modules/identity/internal/adapters/rest"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/ports"
	platform "healthcare/platform/rest"
)

// sweepInterval is the time after which other spellings of an address work that an older release has registered.
const sweepInterval = time.Minute

func recorded(mailboxes *store.Mailboxes) ports.Mailboxes { return mailboxes }

// api is the module's API. It records the mailbox of every account before the first request. Afterwards it regularly
// records those that an older release adds, and the numbers of refused sign-ins.
func api(
	lc fx.Lifecycle, service *app.Service, accounts *app.Accounts, addresses *app.Addresses,
	practices *app.Practices, deputies *app.Deputies, credentials *app.Credentials, mailboxes *store.Mailboxes,
	log *zap.Logger,
) platform.API {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(starting context.Context) error {
			if err := mailboxes.Sweep(starting); err != nil {
				return err
			}
			go func() {
				defer close(done)
				sweep(ctx, credentials, mailboxes, log)
			}()
			return nil
		},
		OnStop: func(stopping context.Context) error {
			stop()
			<-done
			if lost, err := credentials.RecordRefusals(stopping); err != nil {
				log.Error("refused sign-ins were not recorded in the audit trail",
					zap.Int64("lost", lost), zap.Error(err))
			}
			return nil
		},
	})
	return rest.New(service, accounts, addresses, practices, deputies)
}

// sweep runs until ctx ends.
func sweep(ctx context.Context, credentials *app.Credentials, mailboxes *store.Mailboxes, log *zap.Logger) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// Not canceled with ctx: an entry whose commit is no longer awaited would be recorded again at the stop.
		if kept, err := credentials.RecordRefusals(context.WithoutCancel(ctx)); err != nil {
			log.Warn("refused sign-ins were not recorded in the audit trail; the next attempt is in a minute",
				zap.Int64("kept", kept), zap.Error(err))
		}
		if err := mailboxes.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.Warn("mailboxes of new accounts were not recorded; the next attempt is in a minute", zap.Error(err))
		}
	}
}
