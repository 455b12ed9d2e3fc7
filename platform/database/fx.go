package database

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/platform/telemetry"
	"healthcare/platform/tx"
)

// Module provides the store, connected and migrated before anything that needs it starts, and closed after it stopped.
var Module = fx.Module("database",
	fx.Provide(
		open, func(db *DB) tx.Runner { return db },
		fx.Annotate(NewSearchTextUpdater, fx.ParamTags(`group:"search_texts"`)),
	),
	telemetry.Collect(poolCollectors),
	telemetry.Collect(func(r *SearchTextUpdater) []prometheus.Collector {
		return []prometheus.Collector{r.recomputed, r.waiting}
	}),
)

// ProvideSearchTexts adds the *SearchTexts that constructor returns to those that are recomputed while the program serves.
func ProvideSearchTexts(constructor any) fx.Option {
	return fx.Provide(fx.Annotated{Group: "search_texts", Target: constructor})
}

// UpdateSearchTexts recomputes search texts for as long as the program serves.
func UpdateSearchTexts(lc fx.Lifecycle, r *SearchTextUpdater) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error {
			go func() { defer close(done); r.Run(ctx) }()
			return nil
		},
		OnStop: func(context.Context) error {
			stop()
			<-done
			return nil
		},
	})
}

// WarnOfVerboseLog tells an operator, when the program begins to serve, whose PostgreSQL writes the contents of refused
// rows into its log, however seldom the service has one refused.
func WarnOfVerboseLog(lc fx.Lifecycle, db *DB) {
	lc.Append(fx.StartHook(db.warnOfVerboseLog))
}

// OnStart says what to do about pending migrations when the program starts.
type OnStart struct {
	Migrations Migrations
	Apply      bool // false: refuse to start while any is pending
}

func open(lc fx.Lifecycle, cfg Config, start OnStart, log *zap.Logger, tracing *telemetry.Tracing) (*DB, error) {
	db, err := Open(cfg, log)
	if err != nil {
		return nil, err
	}
	if err := db.Trace(tracing); err != nil {
		return nil, err
	}
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error { return db.start(ctx, start) },
		OnStop:  func(context.Context) error { return db.Close() },
	})
	return db, nil
}

func (db *DB) start(ctx context.Context, start OnStart) error {
	if err := db.Connect(ctx); err != nil {
		return fmt.Errorf("%s: %w", db.Where(), err)
	}
	if start.Apply {
		applied, err := db.Migrate(ctx, start.Migrations)
		for _, m := range applied {
			db.log.Info("migration applied", zap.String("module", m.Module), zap.String("name", m.Name))
		}
		if err != nil {
			return err
		}
		db.warnOfSlowSearch(ctx)
	}
	all, err := db.MigrationStatus(ctx, start.Migrations)
	for _, m := range all {
		if m.Newer {
			db.log.Warn("applied by a newer release: "+m.Module+"/"+m.Name, zap.String("what_to_do", "run that release, or finish its rollout"))
		}
		if !m.Applied {
			return fmt.Errorf("migration %s/%s is pending: run `healthcare migrate up` first", m.Module, m.Name)
		}
	}
	return err
}

// warnOfSlowSearch tells an operator whose role could not make the extension that searches work without their index. cmd/healthcare/POSTGRESQL.md says what to do.
func (db *DB) warnOfSlowSearch(ctx context.Context) {
	if db.engine != Postgres {
		return
	}
	var there bool
	err := db.Read(ctx).Raw("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')").Scan(&there).Error
	if err == nil && !there {
		db.log.Warn("pg_trgm is not installed: searches are not served by an index and slow down as lists grow")
	}
}

func (db *DB) warnOfVerboseLog(ctx context.Context) {
	if db.engine != Postgres {
		return
	}
	var verbosity string
	err := db.Read(ctx).Raw("SELECT current_setting('log_error_verbosity')").Scan(&verbosity).Error
	if err == nil && verbosity != "terse" {
		db.log.Warn("log_error_verbosity is "+verbosity+": PostgreSQL writes the contents of refused rows into its log",
			zap.String("what_to_do", "set log_error_verbosity = terse in postgresql.conf and reload"))
	}
}
