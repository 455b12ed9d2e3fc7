package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"

	"healthcare/cmd/bench/internal/child"
	"healthcare/cmd/bench/internal/reference"
	"healthcare/cmd/internal/composition"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/config"
	"healthcare/platform/httpserver"
)

// The kinds of servers: the released program, and those it is compared with.
const (
	service      = "service"
	withoutTrail = "service-without-trail"
	plainSQL     = "reference-sql"
	throughGORM  = "reference-gorm"
)

// noRecorder is an audit.Recorder that records nothing. Only this command has it.
type noRecorder struct{}

// Record implements audit.Recorder.
func (noRecorder) Record(context.Context, auth.Principal, ...audit.Entry) error { return nil }

// serve runs a server of this kind until the parent process ends. It has the configuration of the service.
func serve(ctx context.Context, kind string) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	if err := errors.Join(cfg.EnsureSecret(), cfg.EnsureAuditKey()); err != nil {
		return err
	}
	ctx = child.WithParent(ctx)
	switch kind {
	case service:
		return serveService(ctx, cfg, fx.Options())
	case withoutTrail:
		return serveService(ctx, cfg, fx.Replace(fx.Annotate(noRecorder{}, fx.As(new(audit.Recorder)))))
	case plainSQL, throughGORM:
		return serveReference(ctx, cfg, kind)
	}
	return fmt.Errorf("there is no server %q", kind)
}

func serveService(ctx context.Context, cfg config.Config, options fx.Option) error {
	var server *httpserver.Server
	app := fx.New(composition.Configuration(cfg, "bench"), composition.Serving(), options, fx.Populate(&server))
	if err := app.Err(); err != nil {
		return dig.RootCause(err)
	}
	if err := app.Start(ctx); err != nil {
		return dig.RootCause(err)
	}
	if err := child.Report(server.Address()); err != nil {
		return err
	}
	<-ctx.Done()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return app.Stop(stopping)
}

func serveReference(ctx context.Context, cfg config.Config, kind string) error {
	keys, err := composition.KeyRing(cfg)
	if err != nil {
		return err
	}
	store, err := reference.Open(ctx, composition.DatabaseConfig(cfg), kind == throughGORM)
	if err != nil {
		return err
	}
	return reference.Serve(ctx, store, keys, child.Report)
}
