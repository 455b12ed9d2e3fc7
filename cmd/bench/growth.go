package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"healthcare/cmd/bench/internal/child"
	"healthcare/cmd/bench/internal/rows"
)

const growthHelp = `Measure the service as its tables grow: one service on a database of each size, driven in turn.

Half of the patients belong to the requesting user, the others to 100 more users. 5 % of all, at
least 300 and at most 50,000, are granted to a doctor; as many are seen by a user who owns two of
five and is the doctor of the others. The requests read single patients and pages of 50: the newest,
and one from the middle by its link. Targets: p99 at most 1.1 times that of the smallest database;
ready within one second of the start on an existing database; idle memory below 64 MiB.

The service is driven without its audit trail, because the time of a commit would hide the cost of
the tables. Start time and memory are those of the released program. By default the largest database
has 1,000,000 patients and 10,000,000 assignments. It takes minutes to fill and 8 GB in the temporary
folder.`

// growthScenarios must not become slower with larger tables.
var growthScenarios = []scenario{
	{"read", "one patient", 0, readOne},
	{"list", "the newest 50 patients", 0, get("/api/patients/?limit=50")},
	{
		"middle", "50 patients from the middle", 0,
		func(a *actor, _ int) vegeta.Target { return a.target(http.MethodGet, a.middle[0], a.reader, nil) },
	},
	{"assignments", "the newest 50 assignments with details", 0, get("/api/mappings/?limit=50")},
	{"middle-assignments", "50 assignments from the middle", 0, func(a *actor, _ int) vegeta.Target {
		return a.target(http.MethodGet, a.middle[1], a.reader, nil)
	}},
	{"doctor-read", "one patient, by a grant", 0, func(a *actor, n int) vegeta.Target {
		patient := rows.Patient(a.plan.GrantedPatient(n * 7919 % a.plan.Granted()))
		return a.target(http.MethodGet, "/api/patients/"+patient.String()+"/", a.doctor, nil)
	}},
	{"doctor-list", "the newest 50 patients of a doctor", 0, func(a *actor, _ int) vegeta.Target {
		return a.target(http.MethodGet, "/api/patients/?limit=50", a.doctor, nil)
	}},
	{"doctor-middle", "50 patients of a doctor from the middle", 0, func(a *actor, _ int) vegeta.Target {
		return a.target(http.MethodGet, a.middle[2], a.doctor, nil)
	}},
	{"both-list", "the newest 50 patients of an owner who is a doctor as well", 0, func(a *actor, _ int) vegeta.Target {
		return a.target(http.MethodGet, "/api/patients/?limit=50", a.both, nil)
	}},
	{"both-middle", "50 of these from the middle", 0, func(a *actor, _ int) vegeta.Target {
		return a.target(http.MethodGet, a.middle[3], a.both, nil)
	}},
	{"create", "a patient", 0, create},
	{"patch", "a patient's notes, with If-Match", 0, (*actor).patch},
}

// size is a database of one size with a server.
type size struct {
	label    string
	store    *store
	done     func() error
	driven   *runningServer
	took     time.Duration // from start to ready
	resident int64         // idle
}

// growth runs the command.
func (o options) growth(ctx context.Context, w io.Writer) error {
	c, err := o.runPlan(growthScenarios)
	if err != nil {
		return err
	}
	results := map[string][]outcome{}
	for _, engine := range o.engines {
		outcomes, err := o.growthOn(ctx, w, engine, c)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		results[engine] = outcomes
	}
	return o.writeSamples(results)
}

func (o options) growthOn(ctx context.Context, w io.Writer, engine string, c runPlan) (outcomes []outcome, err error) {
	var all []size
	defer func() {
		for _, s := range all {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, patients := range o.sizes {
		s, err := o.newSize(ctx, engine, patients)
		all = append(all, s)
		if err != nil {
			return nil, err
		}
	}
	runningServers := make([]*runningServer, len(all))
	for i, s := range all {
		runningServers[i] = s.driven
	}
	if outcomes, err = c.run(ctx, engine, runningServers); err != nil {
		return nil, err
	}
	fmt.Fprintf(
		w, "\n== %s: %d assignments of each patient, %d clients, %d rounds of %s, %d cores, %s\n\n", engine,
		o.perPerson, c.clients, c.rounds, c.length, runtime.NumCPU(), runtime.Version(),
	)
	var labels []string
	for _, s := range all {
		labels = append(labels, s.label)
	}
	writeServers(w, outcomes, labels)
	writeGrowth(w, outcomes, labels)
	fmt.Fprintf(w, "\nreleased program\n")
	for _, s := range all {
		fmt.Fprintf(
			w, "%10s patients: ready in %s (target < 1s), idle %.0f MiB (target < 64)\n", s.label,
			s.took.Round(time.Millisecond), float64(s.resident)/(1<<20),
		)
	}
	return outcomes, nil
}

// writeGrowth writes the ratio of each size's p99 to that of the smallest.
func writeGrowth(w io.Writer, outcomes []outcome, labels []string) {
	fmt.Fprintf(
		w, "\np99 relative to %s patients per round, median (min-max); target for reads and pages <= 1.1\n", labels[0],
	)
	t := newTable(w)
	fmt.Fprintf(t, "scenario\t%s\t\n", strings.Join(labels[1:], "\t"))
	for _, o := range outcomes {
		fmt.Fprintf(t, "%s\t", o.Scenario)
		for _, label := range labels[1:] {
			fmt.Fprintf(t, "%s\t", o.ratio(label, labels[0], p99))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush()
}

// newSize fills a database and starts the service on it. The caller stops it, also after an error.
func (o options) newSize(ctx context.Context, engine string, patients int) (s size, err error) {
	s.label = fmt.Sprint(patients)
	if s.store, s.done, err = o.newFilledStore(ctx, engine, patients, o.perPerson); err != nil {
		return s, err
	}
	shipped, err := s.store.start(ctx, service, true)
	if err != nil {
		return s, err
	}
	stats, err := waitUntilIdle(ctx, shipped)
	s.took, s.resident = shipped.Took, stats.Resident
	if err := errors.Join(err, shipped.Stop()); err != nil {
		return s, err
	}
	all, err := s.store.startServers(ctx, withoutTrail)
	if err != nil {
		return s, err
	}
	s.driven = all[0]
	s.driven.name = s.label
	if _, err := waitUntilIdle(ctx, s.driven.process); err != nil {
		return s, err
	}
	return s, s.driven.actor.findMiddle(ctx)
}

// waitUntilIdle waits until the process needs less than 5 % of a processor, and returns its figures. After its start
// the service compares the grants with all assignments, which takes about a minute for a million of them.
func waitUntilIdle(ctx context.Context, process *child.Process) (child.Stats, error) {
	before, err := process.Stats(ctx)
	for err == nil {
		time.Sleep(time.Second)
		var after child.Stats
		after, err = process.Stats(ctx)
		if used := after.Sub(before).CPU; used < 50*time.Millisecond {
			return after, err
		}
		before = after
	}
	return before, err
}

func (s size) stop() (err error) {
	if s.driven != nil {
		err = s.driven.process.Stop()
	}
	if s.done != nil {
		err = errors.Join(err, s.done())
	}
	return err
}

// findMiddle sets the links to pages in the middle of the lists.
func (a *actor) findMiddle(ctx context.Context) error {
	granted := a.plan.GrantedPatient(a.plan.Granted() / 2)
	for i, at := range []struct {
		path string
		row  int
		user http.Header
	}{
		{"/api/patients/", a.plan.Readers() / 2, a.reader},
		{"/api/mappings/", a.plan.Readers() / 2 * a.plan.PerPatient, a.reader},
		{"/api/patients/", granted, a.doctor},
		{"/api/patients/", granted, a.both},
	} {
		query := url.Values{"limit": {"50"}, "created_before": {rows.Time(at.row).Format(time.RFC3339Nano)}}
		header, _, err := call(ctx, http.MethodGet, a.base+at.path+"?"+query.Encode(), at.user, nil)
		if err != nil {
			return err
		}
		link, _, found := strings.Cut(strings.TrimPrefix(header.Get("Link"), "<"), ">")
		if !found {
			return fmt.Errorf("%s: no page follows the middle", at.path)
		}
		a.middle[i] = link
	}
	return nil
}
