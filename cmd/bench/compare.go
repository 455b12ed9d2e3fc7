package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"healthcare/cmd/bench/internal/reference"
	"healthcare/cmd/bench/internal/rows"
)

const compareHelp = `Measure the service over HTTP against two bare references on the same rows, and against itself without its audit trail.

The servers are processes of their own, driven in turn (A B C A B C) by the same client
(github.com/tsenart/vegeta) from as many connections. Ratios are taken round by round, so that
noise meets both sides; what is printed is their median, least and most.

  service                the program as it ships, its log at level info and thrown away
  service-without-trail  the same program with an audit.Recorder that records nothing. Only this
                         command can do that. It is what is held against the references.
  reference-sql          Fiber handlers that verify the token's signature and dates, run the
                         same SQL through pgx (SQLite: database/sql) and encode the same body
  reference-gorm         the same through GORM, configured as the service configures it

The references ask for the session's standing in every request, as the service does: it is part
of "the same SQL". They leave out everything else: the request id and its log line, security
headers, deadlines, roles, the contract's checks of query and body, validation, folding for the search,
ETag and Link, idempotency, throttling of sign-ins, typed errors and retries. Before anything is
measured, all servers must answer each scenario with the same body, ids, times and tokens of new
things aside. Passwords are hashed with the same parameters, as many at once.

The throwaway PostgreSQL waits for its disk (fsync on), as one that holds patients does.`

// compare is the command.
func (o options) compare(ctx context.Context, w io.Writer) error {
	c, err := o.contest(scenarios)
	if err != nil {
		return err
	}
	results := map[string][]outcome{}
	for _, engine := range o.engines {
		outcomes, err := o.compareOn(ctx, engine, c)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		results[engine] = outcomes
		fmt.Fprintf(w, "\n== %s: %d patients, %d clients, %d rounds of %s, %d cores, %s\n\n", engine, o.rows, c.clients, c.rounds, c.length, runtime.NumCPU(), runtime.Version())
		servers(w, outcomes, compared)
		for _, one := range comparisons {
			one.write(w, outcomes)
		}
	}
	return o.keep(results)
}

var compared = []string{withoutTrail, plainSQL, throughGORM, service}

var comparisons = []comparison{
	{"service without its trail / reference through GORM", withoutTrail, throughGORM, ofGORM},
	{"service without its trail / reference through pgx (SQLite: database/sql)", withoutTrail, plainSQL, ofSQL},
	{"reference through GORM / reference through pgx: what GORM alone costs", throughGORM, plainSQL, func(scenario) float64 { return 0 }},
	{"service with its trail / without", service, withoutTrail, ofTrail},
}

func (o options) compareOn(ctx context.Context, engine string, c contest) (outcomes []outcome, err error) {
	s, done, err := o.filled(ctx, engine, o.rows, 10)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	all, err := s.compete(ctx, compared...)
	defer func() { err = errors.Join(err, stop(all)) }()
	if err != nil {
		return nil, err
	}
	if err := alike(ctx, c.scenarios, all); err != nil {
		return nil, err
	}
	if o.profiles != "" {
		return nil, o.profile(ctx, engine, c, all[0])
	}
	return c.run(ctx, engine, all)
}

// filled is a database of its own with so many patients.
func (o options) filled(ctx context.Context, engine string, patients, perPatient int) (*store, func() error, error) {
	server, stop := "", func() {}
	var err error
	if engine == postgres {
		if server, stop, err = postgresServer(o.postgres); err != nil {
			return nil, nil, err
		}
	}
	s, err := newStore(ctx, engine, server, rows.Of(patients, perPatient, reference.Hash(password)), loading(engine))
	if err != nil {
		stop()
		return nil, nil, err
	}
	return s, func() error { err := s.close(); stop(); return err }, nil
}

// profile drives the service alone, without its trail, and keeps what it spends its time and memory on.
func (o options) profile(ctx context.Context, engine string, c contest, one *contender) error {
	for _, s := range c.scenarios {
		failed := make(chan error, 1)
		go func() {
			_, err := one.drive(ctx, s, c.clients, 6*time.Second)
			failed <- err
		}()
		at := filepath.Join(o.profiles, engine+"-"+s.name)
		err := errors.Join(one.process.Profile(ctx, "profile?seconds=5", at+"-cpu.pprof"), one.process.Profile(ctx, "allocs", at+"-allocs.pprof"), <-failed)
		if err != nil {
			return err
		}
		say("%s: profiles of %s are in %s-*", engine, s.name, at)
	}
	return nil
}

// keep writes the samples, where somebody asked for them.
func (o options) keep(results map[string][]outcome) error {
	if o.json == "" {
		return nil
	}
	raw, err := json.MarshalIndent(map[string]any{
		"go": runtime.Version(), "cores": runtime.NumCPU(), "clients": o.clients, "seconds": o.seconds, "engines": results,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(raw, '\n'), 0o600)
}
