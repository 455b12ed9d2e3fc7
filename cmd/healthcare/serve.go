package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/httpserver"
)

// serve runs the program until ctx ends. Errors: one line that says why it did not start, or did not stop cleanly.
func serve(ctx context.Context) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	if err := cfg.EnsureSecret(); err != nil {
		return err
	}
	var server *httpserver.Server
	var db *database.DB
	var log *zap.Logger
	app := fx.New(configuration(cfg), parts(), fx.Populate(&server, &db, &log), fx.StartTimeout(startTimeout(cfg)), fx.StopTimeout(stopTimeout(cfg)))
	if err := app.Err(); err != nil {
		return dig.RootCause(err)
	}
	log.Info("configuration", zap.Any("keys", cfg.Describe()))

	if err := start(ctx, app); err != nil {
		return dig.RootCause(err)
	}
	base := "http://" + server.Address()
	fmt.Printf("healthcare %s listens on %s, keeps its data in %s, and describes its API at %s/openapi.json\n", programVersion(), base, db.Where(), base)

	<-ctx.Done()
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-again
		os.Exit(exitFailure) // the operator insists
	}()
	log.Info("stopping: requests in flight may finish")
	return stop(app)
}

func start(ctx context.Context, app *fx.App) error {
	ctx, cancel := context.WithTimeout(ctx, app.StartTimeout())
	defer cancel()
	return app.Start(ctx)
}

func stop(app *fx.App) error {
	ctx, cancel := context.WithTimeout(context.Background(), app.StopTimeout())
	defer cancel()
	return app.Stop(ctx)
}

// startTimeout leaves migrations time beyond what connecting may take.
func startTimeout(cfg config.Config) time.Duration {
	return cfg.DatabaseConnectTimeout + 10*time.Minute
}

// stopTimeout leaves the store time to close after the server's own limits.
func stopTimeout(cfg config.Config) time.Duration {
	return cfg.HTTPShutdownDelay + cfg.HTTPShutdownTimeout + 2*time.Second
}
