package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/cmd/internal/composition"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/httpserver"
)

// serve runs the server until ctx ends. With demo it first fills the store with fictitious people. Errors: a start or a
// stop that failed.
func serve(ctx context.Context, demo bool) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	changed, err := cfg.Changed() // before the generated keys are added
	if err != nil {
		return err
	}
	defer exitIfHung(ctx, hangTimeout(cfg))()
	signal.Ignore(syscall.SIGPIPE) // if the reader of the log ends, lines are dropped
	if demo {
		if err := checkDemo(ctx, cfg); err != nil {
			return err
		}
	}
	if err := ensureKeys(&cfg); err != nil {
		return err
	}
	var server *httpserver.Server
	var db *database.DB
	var log *zap.Logger
	app := fx.New(
		composition.Configuration(cfg, programVersion()), composition.Serving(), fx.Populate(&server, &db, &log),
		fx.StartTimeout(startTimeout(cfg)), fx.StopTimeout(stopTimeout(cfg)),
	)
	if err := app.Err(); err != nil {
		return dig.RootCause(err)
	}
	log.Info("configuration: keys that differ from their defaults", zap.Any("keys", changed))
	if err := warnOfMisspelt(log); err != nil {
		return err
	}
	for _, file := range cfg.Exposed() {
		log.Warn(file)
	}
	if cfg.PasswordPolicy != "strict" {
		log.Info("password_policy is basic: common passwords are accepted; PASSWORD_POLICY=strict rejects them")
	}

	if err := start(ctx, app); err != nil {
		if ctx.Err() != nil {
			log.Info("stopped during the start")
			return nil // the start failed because of the signal
		}
		return dig.RootCause(err)
	}
	base := server.URL()
	if demo {
		if err := createDemo(ctx, server.Address(), base, os.Stdout); err != nil {
			return errors.Join(err, stop(app))
		}
	}
	announce(
		os.Stdout, "healthcare %s listens on %s, keeps its data in %s, and describes its API at %s/docs/\n",
		programVersion(), base, db.Location(), base,
	)

	select {
	case <-ctx.Done():
		log.Info("stopping: waiting for requests in flight")
		return stop(app)
	case err := <-server.Stopped():
		return errors.Join(fmt.Errorf("the server stopped serving: %w", err), stop(app))
	}
}

// warnOfMisspelt logs misspelt variables, without their values. Errors: *config.Error.
func warnOfMisspelt(log *zap.Logger) error {
	misspelt, err := config.Misspelt()
	for name, intended := range misspelt {
		log.Warn("unknown environment variable", zap.String("variable", name), zap.String("did_you_mean", intended))
	}
	return err
}

// ensureKeys sets the keys that are not configured from data_dir, and generates missing ones. Errors: *config.Error.
func ensureKeys(cfg *config.Config) error {
	if err := cfg.EnsureSecret(); err != nil {
		return err
	}
	return cfg.EnsureAuditKey()
}

func start(ctx context.Context, app *fx.App) error {
	ctx, cancel := context.WithTimeout(ctx, app.StartTimeout())
	defer cancel()
	return app.Start(ctx)
}

func stop(app *fx.App) error {
	ctx, cancel := context.WithTimeout(context.Background(), app.StopTimeout())
	defer cancel()
	if err := app.Stop(ctx); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// startTimeout adds time for migrations to the timeout of connecting.
func startTimeout(cfg config.Config) time.Duration {
	return cfg.DatabaseConnectTimeout + 10*time.Minute
}

// stopTimeout adds time for closing the store and exporting spans to the server's own limits.
func stopTimeout(cfg config.Config) time.Duration {
	return cfg.HTTPShutdownDelay + cfg.HTTPShutdownTimeout + 3*time.Second
}

// hangTimeout returns the time after which a stop counts as hung.
func hangTimeout(cfg config.Config) time.Duration { return stopTimeout(cfg) + time.Second }

// exitIfHung exits the process if it still runs at the limit after ctx ends: a handler, the store or a blocked
// descriptor may hang. The returned function cancels it.
func exitIfHung(ctx context.Context, limit time.Duration) (stop func()) {
	done := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case <-done:
			return
		}
		select {
		case <-time.After(limit):
		case <-done:
		}
		select {
		case <-done: // perhaps at the limit
		default:
			printError(fmt.Sprintf("did not stop within %s: exiting", limit))
			os.Exit(exitHung)
		}
	}()
	return func() { close(done) }
}
