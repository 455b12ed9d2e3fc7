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

const compareHelp = `Measure the service over HTTP against two minimal references on the same rows, and against itself
without its audit trail.

The servers are separate processes. The same client (github.com/tsenart/vegeta) drives them in turn
(A B C A B C) over the same number of connections. Ratios are computed per round, so that noise
affects both sides; their median, minimum and maximum are printed. The processor time per request
is measured separately: client and database share the machine, so requests per second hide a part
of a server's cost.

  service                the released program, with its log at level info in a file
  service-without-trail  the same program with an audit.Recorder that records nothing, which only
                         this command can select. It is compared with the references.
  reference-sql          Fiber handlers that verify the token's signature and dates, run the
                         same SQL through pgx (SQLite: database/sql) and encode the same body
  reference-gorm         the same through GORM, configured as the service configures it (on SQLite
                         connections cache prepared statements, unlike those of reference-sql),
                         but with GORM's own reading of rows

The references check the session in every request, as the service does: it is part of "the same
SQL". They omit everything else: the request id and its log line, security headers, deadlines,
roles, the contract's checks of query and body, validation, folding for the search, ETag and Link,
idempotency, throttling of sign-ins, typed errors and retries. Before the measurement, all servers
must respond to each scenario with the same body, except for ids, times and tokens of new rows.
Passwords are hashed with the same parameters and the same concurrency.

The cost of the trail is measured separately and with more clients: a read returns when its entry
is committed, and waiting reads share a commit, so few clients would measure the disk.

The temporary PostgreSQL waits for its disk (fsync on), as in production.`

// result has the outcomes on one engine.
type result struct {
	References []outcome `json:"references"`
	Trail      []outcome `json:"trail"`
}

// compare runs the command.
func (o options) compare(ctx context.Context, w io.Writer) error {
	c, err := o.runPlan(scenarios)
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
		fmt.Fprintf(
			w, "\n== %s: %d patients, %d rounds of %s, %d cores, %s\n\n%d clients\n", engine, o.rows, c.rounds,
			c.length, runtime.NumCPU(), runtime.Version(), c.clients,
		)
		writeServers(w, r.References, referenceServers)
		for _, one := range comparisons {
			one.write(w, r.References)
		}
		fmt.Fprintf(w, "\nthe audit trail, %d clients\n", o.trailClients)
		writeServers(w, r.Trail, trailServers)
		comparison{"service with its trail / without", service, withoutTrail, ofTrail}.write(w, r.Trail)
	}
	return o.writeSamples(results)
}

// The servers that are driven in turn, for the references and for the trail.
var (
	referenceServers = []string{withoutTrail, plainSQL, throughGORM}
	trailServers     = []string{withoutTrail, service}
)

var comparisons = []comparison{
	{"service without its trail / reference through GORM", withoutTrail, throughGORM, ofGORM},
	{"service without its trail / reference through pgx (SQLite: database/sql)", withoutTrail, plainSQL, ofSQL},
	{
		"reference through GORM / reference through pgx (SQLite: database/sql): the cost of GORM alone", throughGORM,
		plainSQL, func(scenario) float64 { return 0 },
	},
}

func (o options) compareOn(ctx context.Context, engine string, c runPlan) (r result, err error) {
	s, done, err := o.newFilledStore(ctx, engine, o.rows, 10)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, done()) }()
	all, err := s.startServers(ctx, withoutTrail, plainSQL, throughGORM, service)
	defer func() { err = errors.Join(err, stop(all)) }()
	if err != nil {
		return r, err
	}
	if err := requireSameResponses(ctx, c.scenarios, all); err != nil {
		return r, err
	}
	if o.profiles != "" {
		return r, o.profile(ctx, engine, c, all)
	}
	if r.References, err = c.run(ctx, engine, all[:3]); err != nil {
		return r, err
	}
	c.clients = o.trailClients
	r.Trail, err = c.run(ctx, engine+", the trail", []*runningServer{all[0], all[3]})
	return r, err
}

// newFilledStore returns a separate database with this number of patients. The caller closes it.
func (o options) newFilledStore(
	ctx context.Context, engine string, patients, perPatient int,
) (*store, func() error, error) {
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

// profile drives the service without and with its trail, and writes its CPU and allocation profiles.
func (o options) profile(ctx context.Context, engine string, c runPlan, all []*runningServer) error {
	for _, one := range []*runningServer{all[0], all[3]} {
		if err := o.profileOf(ctx, engine, c, one); err != nil {
			return err
		}
	}
	return nil
}

func (o options) profileOf(ctx context.Context, engine string, c runPlan, one *runningServer) error {
	for _, s := range c.scenarios {
		failed := make(chan error, 1)
		go func() {
			_, err := one.drive(ctx, s, c.clients, 6*time.Second)
			failed <- err
		}()
		at := filepath.Join(o.profiles, engine+"-"+one.name+"-"+s.name)
		err := errors.Join(
			one.process.Profile(ctx, "profile?seconds=5", at+"-cpu.pprof"),
			one.process.Profile(ctx, "allocs", at+"-allocs.pprof"), <-failed,
		)
		if err != nil {
			return err
		}
		logf("%s: profiles of %s are %s-*", engine, s.name, at)
	}
	return nil
}

// writeSamples writes all samples to the file of --json, if set.
func (o options) writeSamples(results any) error {
	if o.json == "" {
		return nil
	}
	raw, err := json.MarshalIndent(map[string]any{
		"go":      runtime.Version(),
		"cores":   runtime.NumCPU(),
		"clients": o.clients,
		"seconds": o.seconds,
		"engines": results,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(raw, '\n'), 0o600)
}
