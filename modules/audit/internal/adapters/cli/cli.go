// Package cli is the audit module's door for operators: `healthcare audit …`.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"healthcare/modules/audit/internal/app"
	"healthcare/platform/errs"
	"healthcare/platform/progress"
)

// Run does something with the trail of the configured store.
type Run func(ctx context.Context, do func(context.Context, *app.Custodian) error) error

// New returns the command. An export is verified by the Custodian that offline returns, which has no store.
func New(run Run, offline func() (*app.Custodian, error)) *cobra.Command {
	audit := &cobra.Command{
		Use: "audit", Short: "Verify, export and prune the audit trail",
		Long: `Verify, export and prune the audit trail of the configured store, whether a server runs or
not. It needs the AUDIT_KEY that the server has, and AUDIT_KEY_PREVIOUS where there was another.`,
		Example: `  healthcare audit verify
  healthcare audit verify --checkpoints /mnt/worm/audit-checkpoints.jsonl
  healthcare audit export > trail.jsonl && healthcare audit verify --export trail.jsonl
  healthcare audit prune --before 2020-01-01`,
		Args: cobra.NoArgs, // with RunE: cobra answers a misspelt subcommand with its help and exit code 0 otherwise
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	audit.AddCommand(verify(run, offline), export(run), prune(run))
	return audit
}

func verify(run Run, offline func() (*app.Custodian, error)) *cobra.Command {
	var checkpoints, from string
	command := &cobra.Command{
		Use: "verify", Short: "Say whether the trail is as it was recorded; exit 1 and name the first bad entry when it is not", Args: cobra.NoArgs,
		Long: `Walk the whole trail and hold it against the signed checkpoints, which reveal a tail that was
cut off and an old database that was put back. Without --checkpoints they are those that this
installation keeps (AUDIT_CHECKPOINTS).`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			check := func(ctx context.Context, custodian *app.Custodian) error {
				line := progress.New(cmd.ErrOrStderr())
				sound, err := verified(ctx, custodian, from, checkpoints, showing(line, "verified"))
				line.End()
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "sound: %d entries\n", sound)
				return err
			}
			if from == "" {
				return run(cmd.Context(), check)
			}
			custodian, err := offline()
			if err != nil {
				return err
			}
			return check(cmd.Context(), custodian)
		},
	}
	command.Flags().StringVar(&checkpoints, "checkpoints", "", "a file of checkpoints, such as a copy from elsewhere")
	command.Flags().StringVar(&from, "export", "", "verify what audit export has written, which needs no store")
	return command
}

func verified(ctx context.Context, custodian *app.Custodian, from, checkpoints string, show app.Progress) (int64, error) {
	if from == "" {
		return custodian.Verify(ctx, checkpoints, show)
	}
	file, err := os.Open(from) // #nosec G304 -- the operator's own command line
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	return custodian.VerifyExport(file, checkpoints, show)
}

func export(run Run) *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Write the whole trail to standard output, one entry a line (NDJSON)", Args: cobra.NoArgs,
		Long: "Write the whole trail to standard output, one JSON object a line: for each chain where it begins and ends, then its entries. This reading is recorded.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), func(ctx context.Context, custodian *app.Custodian) error {
				line := progress.New(cmd.ErrOrStderr())
				written, err := custodian.Export(ctx, cmd.OutOrStdout(), showing(line, "exported"))
				line.End()
				if err == nil {
					_, err = fmt.Fprintf(cmd.ErrOrStderr(), "exported: %d entries\n", written)
				}
				return err
			})
		},
	}
}

func prune(run Run) *cobra.Command {
	var day string
	command := &cobra.Command{
		Use: "prune", Short: "Remove the entries before a day (UTC); what is left still verifies", Args: cobra.NoArgs,
		Long: `Remove the entries that were recorded before a day, and record that. Export and keep them first
where the law says so: HIPAA asks for six years (45 CFR 164.316(b)(2)). On PostgreSQL whole
months go at once, which only the role that owns the tables can do.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, err := time.Parse(time.DateOnly, day)
			if err != nil {
				return errors.New("--before is a day such as 2020-01-01")
			}
			return run(cmd.Context(), func(ctx context.Context, custodian *app.Custodian) error {
				line := progress.New(cmd.ErrOrStderr())
				removed, err := custodian.Prune(ctx, before, showing(line, "pruned"))
				line.End()
				if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind == errs.Conflict {
					return errors.New(e.Detail)
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "pruned: %d entries\n", removed)
				return err
			})
		},
	}
	command.Flags().StringVar(&day, "before", "", "the first day whose entries stay, such as 2020-01-01")
	_ = command.MarkFlagRequired("before") // it exists
	return command
}

func showing(line *progress.Line, what string) app.Progress {
	return func(done, all int64) { line.Show(what, done, all) }
}
