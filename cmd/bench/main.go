// Command bench measures the service against itself without its audit trail, against minimal references on the same
// rows, and as its tables grow. It also measures other servers with the same client.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	engines   []string
	names     []string
	seconds   float64
	rounds    int
	clients   int
	rows      int
	postgres  string
	json      string
	profiles  string
	before    string
	beyond    float64
	sizes     []int
	perPerson int
	peers     peerOptions
}

func root() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "bench", Short: "Measure the service against minimal references, and the cost of its audit trail",
		Long: compareHelp, Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.compare(cmd.Context(), cmd.OutOrStdout()) },
	}
	c.CompletionOptions.DisableDefaultCmd = true
	flags := c.PersistentFlags()
	flags.Float64Var(&o.seconds, "seconds", 0.8, "seconds per server and round")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds per server and scenario")
	flags.IntVar(&o.clients, "clients", 16, "concurrent requests")
	flags.StringVar(&o.json, "json", "", "`file` to write every sample to")
	o.storeFlags(c, scenarios)
	o.rowsFlag(c)
	o.profileFlag(c)
	child := &cobra.Command{
		Use: "serve", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return serve(cmd.Context(), args[0]) },
	}
	c.AddCommand(o.growthCommand(), o.controlCommand(), o.appointmentsCommand(), o.peersCommand(), child)
	return c
}

// storeFlags adds the flags of a command that fills its own databases.
func (o *options) storeFlags(c *cobra.Command, all []scenario) {
	flags := c.Flags()
	flags.StringSliceVar(&o.engines, "engine", []string{sqlite, postgres}, "engines to measure on")
	flags.StringSliceVar(&o.names, "scenario", nil, "scenarios to measure (default all):\n"+scenarioHelp(all))
	flags.StringVar(
		&o.postgres, "postgres", "",
		"`address` of a PostgreSQL server that allows creating databases (default: a temporary, durable one)",
	)
}

func (o *options) rowsFlag(c *cobra.Command) {
	c.Flags().IntVar(&o.rows, "rows", 10_000, "patients; ten assignments each")
}

func (o *options) profileFlag(c *cobra.Command) {
	c.Flags().StringVar(
		&o.profiles, "profile", "",
		"`folder` for CPU and allocation profiles (pprof) of the service in each scenario, instead of measuring",
	)
}

func (o *options) growthCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "growth", Short: "Measure the service as its tables grow", Long: growthHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.growth(cmd.Context(), cmd.OutOrStdout()) },
	}
	o.storeFlags(c, growthScenarios)
	c.Flags().IntSliceVar(
		&o.sizes, "sizes", []int{1_000, 100_000, 1_000_000}, "numbers of patients; the first is the reference",
	)
	c.Flags().IntVar(&o.perPerson, "assignments", 10, "assignments of each patient")
	return c
}

func (o *options) controlCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "control", Short: "Measure this build against itself and an older build",
		Long: controlHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.control(cmd.Context(), cmd.OutOrStdout()) },
	}
	o.storeFlags(c, scenarios)
	o.rowsFlag(c)
	c.Flags().StringVar(&o.before, "before", "", "`program`: this command, built from the revision to compare with")
	c.Flags().Float64Var(&o.beyond, "beyond", 0.03, "allowed slowdown of a scenario beyond the control's spread")
	return c
}

func (o *options) appointmentsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "appointments", Short: "Measure bookings against creates, and free times", Long: appointmentsHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.appointments(cmd.Context(), cmd.OutOrStdout()) },
	}
	o.storeFlags(c, appointmentScenarios)
	o.rowsFlag(c)
	o.profileFlag(c)
	return c
}

func scenarioHelp(all []scenario) (help string) {
	for _, s := range all {
		help += fmt.Sprintf("  %-18s %s\n", s.name, s.description)
	}
	return strings.TrimSuffix(help, "\n")
}

// runPlan returns the plan of the flags, with the selected scenarios.
func (o options) runPlan(all []scenario) (runPlan, error) {
	for _, name := range o.names {
		if !slices.ContainsFunc(all, func(s scenario) bool { return s.name == name }) {
			return runPlan{}, fmt.Errorf("there is no scenario %q", name)
		}
	}
	chosen := slices.DeleteFunc(
		slices.Clone(all), func(s scenario) bool { return len(o.names) > 0 && !slices.Contains(o.names, s.name) },
	)
	return runPlan{
		scenarios: chosen,
		clients:   o.clients,
		rounds:    max(1, o.rounds),
		length:    time.Duration(o.seconds * float64(time.Second)),
		logf:      logf,
	}, nil
}

// logf writes progress to standard error.
func logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func loading(label string) func(table string, done, all int) {
	return func(table string, done, all int) { logf("%s: %s %d of %d", label, table, done, all) }
}
