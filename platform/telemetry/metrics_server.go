package telemetry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// MetricsServer serves /metrics on a separate address, without authentication.
type MetricsServer struct {
	address string
	server  *http.Server
	log     *zap.Logger
}

// NewMetricsServer returns a server, which Listen starts if cfg has an address.
func NewMetricsServer(cfg Config, registry *prometheus.Registry, log *zap.Logger) *MetricsServer {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", Handler(registry))
	return &MetricsServer{address: cfg.MetricsAddress, log: log, server: &http.Server{
		Handler:        mux,
		ReadTimeout:    5 * time.Second,
		WriteTimeout:   15 * time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 8 << 10,
		ErrorLog:       zap.NewStdLog(zap.NewNop()), // suppresses messages about broken connections
	}}
}

// Enabled reports whether a separate address is configured.
func (s *MetricsServer) Enabled() bool { return s.address != "" }

// Listen listens on the address, so that the start fails if the port is in use, and serves in the background until
// Shutdown.
func (s *MetricsServer) Listen(ctx context.Context) error {
	if !s.Enabled() {
		return nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	s.log.Info("metrics are served", zap.String("address", ln.Addr().String()))
	go func() {
		if err := s.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the metrics server stopped", zap.Error(err))
		}
	}()
	return nil
}

// Shutdown waits for running scrapes, for at most one second, and then closes their connections. Errors: none.
func (s *MetricsServer) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close()
	}
	return nil
}
