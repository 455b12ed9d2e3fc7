// Package cli implements the command `healthcare access`.
package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"healthcare/modules/patients/internal/app"
	"healthcare/platform/auth"
	"healthcare/platform/progress"
)

// Run calls do with the access of the configured store.
type Run func(ctx context.Context, do func(context.Context, *app.Sync) error) error

// New returns the command.
func New(run Run) *cobra.Command {
	access := &cobra.Command{
		Use: "access", Short: "Verify and mend who may see which patient",
		Long: `Compare what doctors, patients and delegates may see with the assignments and the accepted invitations
that grant it, in the configured store. A server may be running. Both are kept by the same
transactions; they can differ if a release that does not know them served meanwhile.`,
		Example: `  healthcare access verify
  healthcare access rebuild`,
		Args: cobra.NoArgs, // with RunE, because otherwise a misspelt subcommand prints the help and exits with 0
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	access.AddCommand(
		compare(run, false, "verify", "Name each source whose grant differs; exit with 1 if there is one"),
		compare(run, true, "rebuild", "Mend the grants that differ, and record that in the audit trail"),
	)
	return access
}

// errDiffers is the error of verify if something differs, which was printed.
var errDiffers = errors.New("access differs from what grants it: healthcare access rebuild mends it")

func compare(run Run, mend bool, name, short string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), func(ctx context.Context, sync *app.Sync) error {
				line := progress.New(cmd.ErrOrStderr())
				total, differing := 0, 0
				err := sync.Run(ctx, auth.Operator, mend, func(compared int) {
					total = compared
					line.Show("compared", int64(compared), 0)
				}, func(d app.Difference) {
					differing++
					fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", d.Kind, d.ID, d.Text)
				})
				line.End()
				if err != nil {
					return err
				}
				mended := map[bool]string{true: "mended", false: "differ"}[mend]
				fmt.Fprintf(cmd.OutOrStdout(), "%d assignments and accepted invitations compared, %d %s\n",
					total, differing, mended)
				if differing > 0 && !mend {
					return errDiffers
				}
				return nil
			})
		},
	}
}
