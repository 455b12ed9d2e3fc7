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
noise meets both sides; what is printed is their median, least and most. What each answer takes of
the server's processor time is told apart from that: client and database share the machine, so
requests per second hide a part of what a server costs.

  service                the program as it ships, its log at level info, into a file
  service-without-trail  the same program with an audit.Recorder that records nothing. Only this
                         command can do that. It is what is held against the references.
  reference-sql          Fiber handlers that verify the token's signature and dates, run the
                         same SQL through pgx (SQLite: database/sql) and encode the same body
  reference-gorm         the same through GORM, configured as the service configures it (on SQLite
                         connections keep statements prepared, which those of reference-sql do
                         not), but with rows read as GORM reads them

The references ask for the session's standing in every request, as the service does: it is part
of "the same SQL". They leave out everything else: the request id and its log line, security
headers, deadlines, roles, the contract's checks of query and body, validation, folding for the search,
ETag and Link, idempotency, throttling of sign-ins, typed errors and retries. Before anything is
measured, all servers must answer each scenario with the same body, ids, times and tokens of new
things aside. Passwords are hashed with the same parameters, as many at once.

What the trail costs is measured by itself and from more clients: a read returns when its entry is
committed, and those that wait together share a commit, so a few clients measure the disk.

The throwaway PostgreSQL waits for its disk (fsync on), as one that holds patients does.`

// result is what was measured on one engine.
type result struct {
	References []outcome `json:"references"`
	Trail      []outcome `json:"trail"`
}

// compare is the command.
func (o options) compare(ctx context.Context, w io.Writer) error {
	c, err := o.contest(scenarios)
	if err != nil {
		return err
	}
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o700); err != nil {
			return err
		}
	}
	results := map[string]result{}
	for _, engine := range o.engines {
		r, err := o.compareOn(ctx, engine, c)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		if o.profiles != "" {
			continue
		}
		results[engine] = r
		fmt.Fprintf(w, "\n== %s: %d patients, %d rounds of %s, %d cores, %s\n\n%d clients\n", engine, o.rows, c.rounds, c.length, runtime.NumCPU(), runtime.Version(), c.clients)
		servers(w, r.References, held)
		for _, one := range comparisons {
			one.write(w, r.References)
		}
		fmt.Fprintf(w, "\nthe audit trail, %d clients\n", o.trailClients)
		servers(w, r.Trail, trailed)
		comparison{"service with its trail / without", service, withoutTrail, ofTrail}.write(w, r.Trail)
	}
	return o.keep(results)
}

// Who is driven in turn: for the references, and for the trail.
var (
	held    = []string{withoutTrail, plainSQL, throughGORM}
	trailed = []string{withoutTrail, service}
)

var comparisons = []comparison{
	{"service without its trail / reference through GORM", withoutTrail, throughGORM, ofGORM},
	{"service without its trail / reference through pgx (SQLite: database/sql)", withoutTrail, plainSQL, ofSQL},
	{"reference through GORM / reference through pgx (SQLite: database/sql): what GORM alone costs", throughGORM, plainSQL, func(scenario) float64 { return 0 }},
}

func (o options) compareOn(ctx context.Context, engine string, c contest) (r result, err error) {
	s, done, err := o.filled(ctx, engine, o.rows, 10)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, done()) }()
	all, err := s.compete(ctx, withoutTrail, plainSQL, throughGORM, service)
	defer func() { err = errors.Join(err, stop(all)) }()
	if err != nil {
		return r, err
	}
	if err := alike(ctx, c.scenarios, all); err != nil {
		return r, err
	}
	if o.profiles != "" {
		return r, o.profile(ctx, engine, c, all)
	}
	if r.References, err = c.run(ctx, engine, all[:3]); err != nil {
		return r, err
	}
	c.clients = o.trailClients
	r.Trail, err = c.run(ctx, engine+", the trail", []*contender{all[0], all[3]})
	return r, err
}

// filled is a database of its own with so many patients.
func (o options) filled(ctx context.Context, engine string, patients, perPatient int) (*store, func() error, error) {
	if patients < rows.Fewest {
		return nil, nil, fmt.Errorf("%d patients are too few: at least %d", patients, rows.Fewest)
	}
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

// profile drives the service alone, without its trail and with it, and keeps what it spends its time and memory on.
func (o options) profile(ctx context.Context, engine string, c contest, all []*contender) error {
	for _, one := range []*contender{all[0], all[3]} {
		if err := o.profileOf(ctx, engine, c, one); err != nil {
			return err
		}
	}
	return nil
}

func (o options) profileOf(ctx context.Context, engine string, c contest, one *contender) error {
	for _, s := range c.scenarios {
		failed := make(chan error, 1)
		go func() {
			_, err := one.drive(ctx, s, c.clients, 6*time.Second)
			failed <- err
		}()
		at := filepath.Join(o.profiles, engine+"-"+one.name+"-"+s.name)
		err := errors.Join(one.process.Profile(ctx, "profile?seconds=5", at+"-cpu.pprof"), one.process.Profile(ctx, "allocs", at+"-allocs.pprof"), <-failed)
		if err != nil {
			return err
		}
		say("%s: profiles of %s are %s-*", engine, s.name, at)
	}
	return nil
}

// keep writes the samples, where somebody asked for them.
func (o options) keep(results any) error {
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
