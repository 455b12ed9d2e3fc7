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
	"strings"
	"time"

	"healthcare/cmd/bench/internal/reference"
	"healthcare/cmd/bench/internal/rows"
)

const compareHelp = `Measure the service as released, with its audit trail, against itself without the trail and against
two minimal references on the same rows.

The servers are separate processes. The same client (github.com/tsenart/vegeta) drives them in turn
(A B C A B C) over the same number of connections. Ratios are computed per round, so that noise
affects both sides; their median, minimum and maximum are printed. The processor time per request is
measured as well: client and database share the machine, so requests per second hide a part of a
server's cost.

  service                the released program, with its log at level info in a file
  service-without-trail  the same program with an audit.Recorder that records nothing, which only
                         this command can select
  reference-sql          Fiber handlers that verify the token's signature and dates, run the
                         same SQL through pgx (SQLite: database/sql) and encode the same body
  reference-gorm         the same through GORM, configured as the service configures it (on SQLite
                         connections cache prepared statements, unlike those of reference-sql),
                         but with GORM's own reading of rows
  service-again          a second process of the service, as the control: its difference to the
                         first is noise of the machine

The references check the session in every request, as the service does: it is part of "the same
SQL". They omit everything else: the trail, the request id and its log line, security headers,
deadlines, roles, the contract's checks of query and body, validation, folding for the search, ETag
and Link, idempotency, throttling of sign-ins, typed errors and retries. Before the measurement, all
servers must respond to each scenario with the same values, except for ids, times and tokens of new
rows. Members of the service's responses that a reference omits are reported. Passwords are hashed
with the same parameters and the same concurrency.

A target is "met" if the median is at least the target, and "unclear" if it is missed by no more than
the rounds of the control differ. Targets apply to a quiet machine with the default flags.

The temporary PostgreSQL waits for its disk (fsync on), as in production.`

// compared are the servers that are driven in turn.
var compared = []string{service, withoutTrail, plainSQL, throughGORM, again}

// comparisons returns the ratios of an engine, with its targets.
func comparisons(engine string) []comparison {
	driver := "pgx"
	if engine == sqlite {
		driver = "database/sql"
	}
	return []comparison{
		{"service with its trail / without", service, withoutTrail, trailTargets(engine)},
		{"service / reference through " + driver, service, plainSQL, referenceTargets(engine)},
		{"service / reference through GORM", service, throughGORM, nil},
		{
			"reference through GORM / reference through " + driver + ": the cost of GORM alone", throughGORM, plainSQL,
			nil,
		},
		{"the control: service / itself", again, service, nil},
	}
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
	results := map[string][]outcome{}
	for _, engine := range o.engines {
		outcomes, omitted, err := o.compareOn(ctx, engine, c)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		if o.profiles != "" {
			continue
		}
		results[engine] = outcomes
		fmt.Fprintf(
			w, "\n== %s: %d patients, %d rounds of %s, %d clients, %d cores, %s\n\n", engine, o.rows, c.rounds,
			c.length, c.clients, runtime.NumCPU(), runtime.Version(),
		)
		writeServers(w, outcomes, compared)
		if len(omitted) > 0 {
			fmt.Fprintf(w, "\nThe references omit these members: %s.\n", strings.Join(omitted, ", "))
		}
		for _, one := range comparisons(engine) {
			one.write(w, outcomes, true)
		}
	}
	return o.writeSamples(results)
}

func (o options) compareOn(
	ctx context.Context, engine string, c runPlan,
) (outcomes []outcome, omitted []string, err error) {
	s, done, err := o.newFilledStore(ctx, engine, o.rows, 10)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	all, err := s.startServers(ctx, compared...)
	defer func() { err = errors.Join(err, stop(all)) }()
	if err != nil {
		return nil, nil, err
	}
	if omitted, err = requireSameResponses(ctx, c.scenarios, all); err != nil {
		return nil, nil, err
	}
	if o.profiles != "" {
		return nil, nil, o.profile(ctx, engine, c, all)
	}
	outcomes, err = c.run(ctx, engine, all)
	return outcomes, omitted, err
}

// newFilledStore returns a separate database with this number of patients. The caller closes it.
func (o options) newFilledStore(
	ctx context.Context, engine string, patients, perPatient int,
) (*store, func() error, error) {
	return o.newStoreOf(ctx, engine, rows.Of(patients, perPatient, reference.Hash(password)))
}

func (o options) newStoreOf(ctx context.Context, engine string, plan rows.Plan) (*store, func() error, error) {
	if plan.Patients < rows.Fewest {
		return nil, nil, fmt.Errorf("%d patients are too few: at least %d", plan.Patients, rows.Fewest)
	}
	server, stop := "", func() {}
	var err error
	if engine == postgres {
		if server, stop, err = postgresServer(o.postgres); err != nil {
			return nil, nil, err
		}
	}
	s, err := newStore(ctx, engine, server, plan, loading(engine))
	if err != nil {
		stop()
		return nil, nil, err
	}
	return s, func() error { err := s.close(); stop(); return err }, nil
}

// profile drives the service with and without its trail, and writes its CPU and allocation profiles.
func (o options) profile(ctx context.Context, engine string, c runPlan, all []*runningServer) error {
	for _, one := range all {
		if one.name != service && one.name != withoutTrail {
			continue
		}
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
func (o options) writeSamples(results map[string][]outcome) error {
	if o.json == "" {
		return nil
	}
	raw, err := json.MarshalIndent(map[string]any{
		"go":      runtime.Version(),
		"cores":   runtime.NumCPU(),
		"clients": o.clients,
		"seconds": o.seconds,
		"results": results,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(raw, '\n'), 0o600)
}
