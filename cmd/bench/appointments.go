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

	"healthcare/cmd/bench/internal/reference"
	"healthcare/cmd/bench/internal/rows"
)

const appointmentsHelp = `Measure the service, with its trail, as it books appointments and computes free times.

Creating a patient and booking an appointment take turns, so that noise affects both: the ratio is computed
per round. Each booking is of a free half hour. Free times are requested by one client, one request after the
other, of doctors who have 14 appointments on each of 31 days.`

// The scenarios of appointments.
const (
	creating     = "create"
	booking      = "book"
	slotsOfOne   = "slots-1x31"
	slotsOfFifty = "slots-50x7"
)

var appointmentScenarios = []scenario{
	{creating, "a patient", 0, create},
	{booking, "an appointment", 0, book},
	{slotsOfOne, "free times of a doctor and a month", 1, slots(1, 31)},
	{slotsOfFifty, "free times of fifty doctors and a week", 1, slots(rows.BusyDoctors, 7)},
}

// book books the next free half hour, of a patient without another appointment then.
func book(a *actor, _ int) vegeta.Target {
	doctor, start := a.plan.Bookable(a.booked)
	patient := rows.Patient(a.booked * 7919 % a.plan.Readers())
	a.booked++
	return a.target(http.MethodPost, "/api/appointments/", a.reader, map[string]any{
		"patient": patient, "doctor": doctor, "type": rows.VisitType(), "starts_at": start.Format(time.RFC3339),
		"reason": "Follow-up after the treatment.",
	})
}

// slots reads the free times of the first of so many doctors, or of each of them in turn.
func slots(doctors, days int) func(*actor, int) vegeta.Target {
	return func(a *actor, n int) vegeta.Target {
		from := a.plan.Calendars.From
		query := url.Values{
			"type": {rows.VisitType().String()}, "limit": {"500"},
			"from": {from.Format(time.DateOnly)}, "to": {from.AddDate(0, 0, days-1).Format(time.DateOnly)},
		}
		var ids []string
		for i := range doctors {
			ids = append(ids, rows.Doctor((n+i)%rows.BusyDoctors).String())
		}
		query.Set("doctor", strings.Join(ids, ","))
		return a.target(http.MethodGet, "/api/slots/?"+query.Encode(), a.reader, nil)
	}
}

// appointments runs the command.
func (o options) appointments(ctx context.Context, w io.Writer) error {
	c, err := o.runPlan(appointmentScenarios)
	if err != nil {
		return err
	}
	results := map[string][]outcome{}
	for _, engine := range o.engines {
		outcomes, err := o.appointmentsOn(ctx, engine, c)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		results[engine] = outcomes
		fmt.Fprintf(
			w, "\n== %s: %d patients, %d rounds of %s, %d clients, %d cores, %s\n\n", engine,
			o.rows, c.rounds, c.length, c.clients, runtime.NumCPU(), runtime.Version(),
		)
		writeServers(w, outcomes, []string{service})
		writeBookings(w, outcomes)
	}
	return o.writeSamples(results)
}

func (o options) appointmentsOn(ctx context.Context, engine string, c runPlan) (outcomes []outcome, err error) {
	const perPatient = 10
	plan := rows.Of(o.rows, perPatient, reference.Hash(password))
	plan.Calendars.From = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	s, done, err := o.newStoreOf(ctx, engine, plan)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	all, err := s.startServers(ctx, service)
	defer func() { err = errors.Join(err, stop(all)) }()
	if err != nil {
		return nil, err
	}
	if o.profiles != "" {
		return nil, o.profile(ctx, engine, c, all)
	}
	return c.alternate(ctx, engine, all[0])
}

// alternate drives the scenarios in turn, A B C A B C. The first round is not counted.
func (c runPlan) alternate(ctx context.Context, label string, one *runningServer) ([]outcome, error) {
	outcomes := make([]outcome, len(c.scenarios))
	for round := range c.rounds + 1 {
		for i, s := range c.scenarios {
			got, err := one.drive(ctx, s, c.clients, c.length)
			if err != nil {
				return outcomes, err
			}
			if outcomes[i].Scenario = s.name; round == 0 {
				outcomes[i].Samples = map[string][]sample{}
				continue
			}
			outcomes[i].Samples[one.name] = append(outcomes[i].Samples[one.name], got)
		}
		c.logf("%s: round %d of %d", label, round, c.rounds)
	}
	return outcomes, ctx.Err()
}

// writeBookings writes the ratio of bookings to creates, and compares all with their targets.
func writeBookings(w io.Writer, outcomes []outcome) {
	const leastRatio, mostOfOne, mostOfFifty = 0.7, 3.0, 10.0
	byName := map[string]outcome{}
	for _, o := range outcomes {
		byName[o.Scenario] = o
	}
	t := newTable(w)
	fmt.Fprintln(t, "\nfigure\tmedian (least-most)\ttarget\t\t")
	verdict := func(name string, got spread, met bool, target string) {
		result := map[bool]string{true: "met", false: "MISSED"}[met]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", name, got, target, result)
	}
	created, isCreated := byName[creating]
	booked, isBooked := byName[booking]
	if isCreated && isBooked {
		both := outcome{Samples: map[string][]sample{
			creating: created.Samples[service], booking: booked.Samples[service],
		}}
		ratio := both.ratio(booking, creating, throughput)
		verdict("bookings / creates, per second", ratio, ratio.Median >= leastRatio, fmt.Sprint(leastRatio))
	}
	for name, most := range map[string]float64{slotsOfOne: mostOfOne, slotsOfFifty: mostOfFifty} {
		if o, measured := byName[name]; measured {
			took := o.of(service, p50)
			verdict(name+", p50 in ms", took, took.Median <= most, fmt.Sprint(most))
		}
	}
	_ = t.Flush()
}
