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

// serve runs the program until ctx ends, with demo on a store that it first fills with invented people. Errors: one line that says why it did not start, or did not stop cleanly.
func serve(ctx context.Context, demo bool) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	changed, err := cfg.Changed() // before keys are added that nobody has set
	if err != nil {
		return err
	}
	defer endIfHung(ctx, hungAfter(cfg))()
	signal.Ignore(syscall.SIGPIPE) // who reads the log may end: its lines are dropped then, as if nobody read it
	if demo {
		if err := refuseDemo(ctx, cfg); err != nil {
			return err
		}
	}
	if err := ensureKeys(&cfg); err != nil {
		return err
	}
	var server *httpserver.Server
	var db *database.DB
	var log *zap.Logger
	app := fx.New(composition.Configuration(cfg, programVersion()), composition.Serving(), fx.Populate(&server, &db, &log), fx.StartTimeout(startTimeout(cfg)), fx.StopTimeout(stopTimeout(cfg)))
	if err := app.Err(); err != nil {
		return dig.RootCause(err)
	}
	log.Info("configuration: the keys that differ from their defaults", zap.Any("keys", changed))
	if err := warnOfMisspelt(log); err != nil {
		return err
	}
	for _, file := range cfg.Exposed() {
		log.Warn(file)
	}
	if cfg.PasswordPolicy != "strict" {
		log.Info("password_policy is basic: the most used passwords are accepted; PASSWORD_POLICY=strict refuses them")
	}

	if err := start(ctx, app); err != nil {
		if ctx.Err() != nil {
			log.Info("stopped before it had started")
			return nil // the operator's stop is why it failed
		}
		return dig.RootCause(err)
	}
	base := server.URL()
	if demo {
		if err := makeDemo(ctx, server.Address(), base, os.Stdout); err != nil {
			return errors.Join(err, stop(app))
		}
	}
	announce(
		os.Stdout,
		"healthcare %s listens on %s, keeps its data in %s, and describes its API at %s/docs/\n",
		programVersion(),
		base,
		db.Where(),
		base,
	)

	select {
	case <-ctx.Done():
		log.Info("stopping: requests in flight may finish")
		return stop(app)
	case err := <-server.Stopped():
		return errors.Join(fmt.Errorf("the server stopped serving: %w", err), stop(app))
	}
}

// warnOfMisspelt logs the variables that are nearly one of ours, without their values. Errors: *config.Error.
func warnOfMisspelt(log *zap.Logger) error {
	misspelt, err := config.Misspelt()
	for name, meant := range misspelt {
		log.Warn("an environment variable has no meaning; another one may be meant", zap.String("variable", name), zap.String("meant", meant))
	}
	return err
}

// ensureKeys completes the configuration with the keys that it has not been given, making those that data_dir keeps. Errors: *config.Error.
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

// startTimeout leaves migrations time beyond what connecting may take.
func startTimeout(cfg config.Config) time.Duration {
	return cfg.DatabaseConnectTimeout + 10*time.Minute
}

// stopTimeout leaves the store time to close, and spans to leave, after the server's own limits.
func stopTimeout(cfg config.Config) time.Duration {
	return cfg.HTTPShutdownDelay + cfg.HTTPShutdownTimeout + 3*time.Second
}

// hungAfter is when nothing can still be stopping by itself.
func hungAfter(cfg config.Config) time.Duration { return stopTimeout(cfg) + time.Second }

// endIfHung ends the process that long after ctx ends, whatever hangs: a handler, the store, or a descriptor that
// nobody reads. The returned function calls it off.
func endIfHung(ctx context.Context, limit time.Duration) (stop func()) {
	done := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case <-done:
			return
		}
		select {
		case <-time.After(limit):
			complain(fmt.Sprintf("did not stop within %s, and was ended", limit))
			os.Exit(exitHung)
		case <-done:
		}
	}()
	return func() { close(done) }
}
