// Command bench measures the service against minimal references on the same rows, with and without its audit trail, and
// as its tables grow.
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
	engines      []string
	names        []string
	seconds      float64
	rounds       int
	clients      int
	trailClients int
	rows         int
	postgres     string
	json         string
	profiles     string
	before       string
	beyond       float64
	sizes        []int
	perPerson    int
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
	flags.StringSliceVar(&o.engines, "engine", []string{sqlite, postgres}, "engines to measure on")
	flags.StringSliceVar(&o.names, "scenario", nil, "scenarios to measure (default all):\n"+scenarioHelp(scenarios))
	flags.Float64Var(&o.seconds, "seconds", 0.8, "seconds per server and round")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds per server and scenario")
	flags.IntVar(&o.clients, "clients", 8, "concurrent requests")
	flags.StringVar(
		&o.postgres, "postgres", "",
		"`address` of a PostgreSQL server that allows creating databases (default: a temporary, durable one)",
	)
	flags.StringVar(&o.json, "json", "", "`file` to write every sample to")
	c.Flags().IntVar(&o.rows, "rows", 10_000, "patients; ten assignments each")
	c.Flags().IntVar(&o.trailClients, "trail-clients", 64, "concurrent requests for the cost of the trail")
	c.Flags().StringVar(
		&o.profiles, "profile", "",
		"`folder` for CPU and allocation profiles (pprof) of the service in each scenario, instead of measuring",
	)
	grow := &cobra.Command{
		Use: "growth", Short: "Measure the service as its tables grow", Long: growthHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.growth(cmd.Context(), cmd.OutOrStdout()) },
	}
	grow.Flags().IntSliceVar(
		&o.sizes, "sizes", []int{1_000, 100_000, 1_000_000}, "numbers of patients; the first is the reference",
	)
	grow.Flags().IntVar(&o.perPerson, "assignments", 10, "assignments of each patient")
	child := &cobra.Command{
		Use: "serve", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return serve(cmd.Context(), args[0]) },
	}
	c.AddCommand(grow, o.controlCommand(), child)
	return c
}

func (o *options) controlCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "control", Short: "Measure this build against itself and an older build",
		Long: controlHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("clients") {
				o.clients = 16
			}
			return o.control(cmd.Context(), cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&o.before, "before", "", "`program`: this command, built from the revision to compare with")
	c.Flags().Float64Var(&o.beyond, "beyond", 0.03, "allowed slowdown of a scenario beyond the control's spread")
	c.Flags().IntVar(&o.rows, "rows", 10_000, "patients; ten assignments each")
	return c
}

func scenarioHelp(all []scenario) (help string) {
	for _, s := range all {
		help += fmt.Sprintf("  %-12s %s\n", s.name, s.description)
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
