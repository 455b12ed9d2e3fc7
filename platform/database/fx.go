package database

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/platform/database/internal/fault"
	"healthcare/platform/telemetry"
	"healthcare/platform/tx"
)

// Module provides the store. It is connected and migrated before the components that depend on it start, and closed
// after they have stopped.
var Module = fx.Module("database",
	fx.Provide(
		provide, func(db *DB) tx.Runner { return db },
		fx.Annotate(NewSearchTextUpdater, fx.ParamTags(`group:"search_texts"`)),
	),
	telemetry.Collect(poolCollectors),
	telemetry.Collect(func(u *SearchTextUpdater) []prometheus.Collector {
		return []prometheus.Collector{u.recomputed, u.waiting}
	}),
)

// ProvideSearchTexts adds the *SearchTexts that constructor returns to those that SearchTextUpdater recomputes.
func ProvideSearchTexts(constructor any) fx.Option {
	return fx.Provide(fx.Annotated{Group: "search_texts", Target: constructor})
}

// UpdateSearchTexts runs updater while the program serves.
func UpdateSearchTexts(lc fx.Lifecycle, updater *SearchTextUpdater) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error {
			go func() { defer close(done); updater.Run(ctx) }()
			return nil
		},
		OnStop: func(context.Context) error {
			stop()
			<-done
			return nil
		},
	})
}

// WarnOfVerboseLog logs a warning at the start of the program if PostgreSQL writes the contents of rejected rows into
// its log.
func WarnOfVerboseLog(lc fx.Lifecycle, db *DB) {
	lc.Append(fx.StartHook(db.warnOfVerboseLog))
}

// StartupMigrations are the migrations that must have been applied before the program serves.
type StartupMigrations struct {
	Migrations Migrations
	Apply      bool // apply pending migrations; otherwise the start fails if one is pending
}

func provide(
	lc fx.Lifecycle, cfg Config, m StartupMigrations, log *zap.Logger, tracing *telemetry.Tracing,
) (*DB, error) {
	db, err := Open(cfg, log)
	if err != nil {
		return nil, err
	}
	if err := db.Trace(tracing); err != nil {
		return nil, err
	}
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error { return db.start(ctx, m) },
		OnStop:  func(context.Context) error { return db.Close() },
	})
	return db, nil
}

func (db *DB) start(ctx context.Context, startup StartupMigrations) error {
	if err := db.Connect(ctx); err != nil {
		return err
	}
	if startup.Apply {
		applied, err := db.Migrate(ctx, startup.Migrations)
		for _, m := range applied {
			db.log.Info("migration applied", zap.String("module", m.Module), zap.String("name", m.Name))
		}
		if err != nil {
			return err
		}
		db.warnOfSlowSearch(ctx)
	}
	all, err := db.MigrationStatus(ctx, startup.Migrations)
	for _, m := range all {
		if m.Newer {
			db.log.Warn("applied by a newer release: "+m.Module+"/"+m.Name,
				zap.String("hint", "run that release, or finish its rollout"))
		}
		if !m.Applied {
			return fault.Unusable("migration %s/%s is pending: run `healthcare migrate up` first", m.Module, m.Name)
		}
	}
	return err
}

// warnOfSlowSearch logs a warning if the extension of the search indexes is missing: the role of the migrations may not
// be allowed to create it (cmd/healthcare/POSTGRESQL.md).
func (db *DB) warnOfSlowSearch(ctx context.Context) {
	if db.engine != Postgres {
		return
	}
	var installed bool
	err := db.Read(ctx).Raw("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')").Scan(&installed).Error
	if err == nil && !installed {
		db.log.Warn("pg_trgm is not installed: searches use no index and slow down as lists grow")
	}
}

func (db *DB) warnOfVerboseLog(ctx context.Context) {
	if db.engine != Postgres {
		return
	}
	var verbosity string
	err := db.Read(ctx).Raw("SELECT current_setting('log_error_verbosity')").Scan(&verbosity).Error
	if err == nil && verbosity != "terse" {
		db.log.Warn(
			"log_error_verbosity is "+verbosity+": PostgreSQL writes the contents of rejected rows into its log",
			zap.String("hint", "set log_error_verbosity = terse in postgresql.conf and reload"),
		)
	}
}
