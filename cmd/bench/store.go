package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"healthcare/cmd/bench/internal/rows"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest/cluster"
)

// The engines, as --engine names them.
const (
	sqlite   = string(database.SQLite)
	postgres = string(database.Postgres)
)

// store is a filled temporary database.
type store struct {
	folder   string
	url      string // PostgreSQL's; else path is SQLite's file
	path     string
	plan     rows.Plan
	signedIn [4]http.Header // reader, writer, doctor and both
	before   string         // the program of an older build, for a control
	drop     func() error
}

// newStore creates and fills a database on the engine. server is the address of PostgreSQL.
func newStore(ctx context.Context, engine, server string, plan rows.Plan, progress rows.Progress) (*store, error) {
	folder, err := os.MkdirTemp("", "healthcare-bench-")
	if err != nil {
		return nil, err
	}
	cfg := database.Config{
		PoolSize: 2, ConnectTimeout: time.Minute, LockTimeout: time.Minute, StatementTimeout: time.Hour,
		IdleInTxTimeout: time.Hour,
	}
	s := &store{folder: folder, plan: plan, drop: func() error { return nil }}
	if engine == postgres {
		err = s.createDatabase(ctx, server)
		cfg.URL = s.url
	} else {
		var names config.Config
		names.DataDir = folder
		s.path = names.DatabasePath() // where a service with this DATA_DIR looks
		cfg.Path = s.path
	}
	if err == nil {
		err = rows.Load(ctx, cfg, plan, progress)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *store) createDatabase(ctx context.Context, server string) error {
	name := "healthcare_" + filepath.Base(s.folder)
	exec := func(ctx context.Context, statement string) error {
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, statement)
		return err
	}
	at, err := url.Parse(server)
	if err != nil {
		return errors.New("--postgres: not an address") // the error may quote a password
	}
	if err := exec(ctx, fmt.Sprintf("CREATE DATABASE %q", name)); err != nil {
		return err
	}
	s.drop = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		return exec(ctx, fmt.Sprintf("DROP DATABASE %q WITH (FORCE)", name))
	}
	at.Path = "/" + name
	s.url = at.String()
	return nil
}

func (s *store) close() error { return errors.Join(s.drop(), os.RemoveAll(s.folder)) }

// postgresServer returns the address of the named server, or starts a temporary one.
func postgresServer(named string) (url string, done func(), err error) {
	if named != "" {
		return named, func() {}, nil
	}
	return cluster.Durable()
}
