// Package cli implements the command `healthcare appointments`.
package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"healthcare/modules/appointments/internal/app"
	"healthcare/platform/progress"
)

// Run calls do with the appointments of the configured store.
type Run func(ctx context.Context, do func(context.Context, *app.Service) error) error

// New returns the command.
func New(run Run) *cobra.Command {
	command := &cobra.Command{
		Use: "appointments", Short: "Find appointments that a change of a time zone has moved",
		Args: cobra.NoArgs, // with RunE, because otherwise a misspelt subcommand prints the help and exits with 0
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	command.AddCommand(&cobra.Command{
		Use: "drift", Short: "Name each future appointment that no longer has its time on the wall clock",
		Long: `List the open future appointments whose time on the wall clock differs from the one that was promised,
because this release has other rules of their time zone. Nothing is changed: reschedule them to the
named time to keep the promise. A server may be running. The exit code is 1 if there is one.`,
		Example: "  healthcare appointments drift", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), func(ctx context.Context, service *app.Service) error {
				return drift(ctx, cmd, service)
			})
		},
	})
	return command
}

// errDrifted is the error of drift if appointments have drifted, which were printed.
var errDrifted = errors.New("appointments have drifted: reschedule them")

func drift(ctx context.Context, cmd *cobra.Command, service *app.Service) error {
	line := progress.New(cmd.ErrOrStderr())
	total, drifted := 0, 0
	err := service.Drift(ctx, func(compared int) {
		total = compared
		line.Show("compared", int64(compared), 0)
	}, func(d app.Drifted) {
		drifted++
		if d.Fault != nil {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", d.ID, d.Fault)
			return
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: promised %s %s, now %s; %s keeps it\n",
			d.ID, d.LocalStart, d.TimeZone, d.Shows, d.Keeps.Format(time.RFC3339))
	})
	line.End()
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d appointments compared, %d drifted\n", total, drifted)
	if drifted > 0 {
		return errDrifted
	}
	return nil
}
