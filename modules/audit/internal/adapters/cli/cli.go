// Package cli implements the command `healthcare audit`.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"healthcare/modules/audit/internal/app"
	"healthcare/platform/progress"
)

// Run calls do with the maintenance of the configured store.
type Run func(ctx context.Context, do func(context.Context, *app.Maintenance) error) error

// New returns the command. offline returns a maintenance without a store, which verifies exports.
func New(run Run, offline func() (*app.Maintenance, error)) *cobra.Command {
	audit := &cobra.Command{
		Use: "audit", Short: "Verify, export and prune the audit trail",
		Long: `Verify, export and prune the audit trail of the configured store. A server may be running.
The commands need the server's AUDIT_KEY, and AUDIT_KEY_PREVIOUS if the key was rotated.`,
		Example: `  healthcare audit verify
  healthcare audit verify --checkpoints /mnt/worm/audit-checkpoints.jsonl
  healthcare audit export > trail.jsonl && healthcare audit verify --export trail.jsonl
  healthcare audit prune --before 2020-01-01
  healthcare audit compact`,
		Args: cobra.NoArgs, // with RunE, because otherwise a misspelt subcommand prints the help and exits with 0
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	audit.AddCommand(verify(run, offline), export(run), prune(run), compact(offline), closeChains(run))
	return audit
}

func verify(run Run, offline func() (*app.Maintenance, error)) *cobra.Command {
	var checkpoints, from string
	command := &cobra.Command{
		Use: "verify", Short: "Verify that the trail is unchanged; else name the first bad segment and exit with 1",
		Args: cobra.NoArgs,
		Long: `Verify the whole trail and compare it with the signed checkpoints, which reveal a tail that was
cut off and an old database that was restored. Without --checkpoints it reads the file of this
installation (AUDIT_CHECKPOINTS). A file of --checkpoints must have at least one checkpoint of what
the trail still has.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			check := func(ctx context.Context, maintenance *app.Maintenance) error {
				line := progress.New(cmd.ErrOrStderr())
				report, err := verifyTrail(ctx, maintenance, from, checkpoints, showProgress(line, "verified"))
				line.End()
				if err != nil {
					return err
				}
				if checkpoints != "" && report.Compared.Count == 0 && report.Entries > 0 {
					err = errNothingCompared
				}
				return errors.Join(printReport(cmd.OutOrStdout(), report), err)
			}
			if from == "" {
				return run(cmd.Context(), check)
			}
			maintenance, err := offline()
			if err != nil {
				return err
			}
			return check(cmd.Context(), maintenance)
		},
	}
	command.Flags().StringVar(&checkpoints, "checkpoints", "",
		"file of checkpoints, such as a copy from another machine")
	command.Flags().StringVar(&from, "export", "", "verify a file written by audit export, without a store")
	return command
}

func printReport(to io.Writer, report app.Report) error {
	for _, note := range report.Notes {
		if _, err := fmt.Fprintln(to, "note:", note.Text); err != nil {
			return err
		}
	}
	if more := report.Jumps - len(report.Notes); more > 0 {
		if _, err := fmt.Fprintf(to, "note: %d more segments\n", more); err != nil {
			return err
		}
	}
	for _, line := range report.Torn {
		if _, err := fmt.Fprintf(to, "note: checkpoints, line %d is torn: a process was killed while writing it\n",
			line); err != nil {
			return err
		}
	}
	compared := fmt.Sprintf("compared with %d checkpoints, the last of %s",
		report.Compared.Count, report.Compared.Last.Format(time.RFC3339))
	if report.Compared.Count == 0 {
		compared = "compared with no checkpoint, so nothing shows whether the end was cut off"
	}
	_, err := fmt.Fprintln(to, "note:", compared)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "sound: %d entries", report.Entries)
	if report.Unsealed > 0 {
		_, err = fmt.Fprintf(to, ", of which %d are not sealed yet", report.Unsealed)
	}
	_, failed := fmt.Fprintln(to)
	return errors.Join(err, failed)
}

// errNothingCompared is the error of a file of checkpoints that the operator names and that proves nothing.
var errNothingCompared = errors.New("the file of --checkpoints has no checkpoint of an entry that the trail still has")

func verifyTrail(
	ctx context.Context, maintenance *app.Maintenance, from, checkpoints string, show app.Progress,
) (app.Report, error) {
	if from == "" {
		return maintenance.Verify(ctx, checkpoints, show)
	}
	file, err := os.Open(from) // #nosec G304 -- the operator's own command line
	if err != nil {
		return app.Report{}, err
	}
	defer func() { _ = file.Close() }()
	return maintenance.VerifyExport(file, checkpoints, show)
}

func export(run Run) *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Write the whole trail to standard output, one JSON object per line (NDJSON)",
		Args: cobra.NoArgs,
		Long: `Write the whole trail to standard output, one JSON object per line: for each chain its bounds,
then its segments and entries. The export is recorded in the trail.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), func(ctx context.Context, maintenance *app.Maintenance) error {
				line := progress.New(cmd.ErrOrStderr())
				written, err := maintenance.Export(ctx, cmd.OutOrStdout(), showProgress(line, "exported"))
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
		Use: "prune", Short: "Delete the entries before a day (UTC); the remaining trail still verifies",
		Args: cobra.NoArgs,
		Long: `Delete the entries recorded before a day, and record the pruning. Export them first if the law
requires it: HIPAA requires retention for six years (45 CFR 164.316(b)(2)). Entries of up to a day
before are kept, because entries are deleted by segments. On PostgreSQL this requires the role that
owns the tables.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, err := time.Parse(time.DateOnly, day)
			if err != nil {
				return errors.New("--before must be a day such as 2020-01-01")
			}
			return run(cmd.Context(), func(ctx context.Context, maintenance *app.Maintenance) error {
				line := progress.New(cmd.ErrOrStderr())
				removed, err := maintenance.Prune(ctx, before, showProgress(line, "pruned"))
				line.End()
				if err != nil {
					return err
				}
				if removed == 0 {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), "pruned: 0 entries: the trail has none that old")
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "pruned: %d entries\n", removed)
				return err
			})
		},
	}
	command.Flags().StringVar(&day, "before", "", "first day whose entries are kept, such as 2020-01-01")
	_ = command.MarkFlagRequired("before") // cannot fail: the flag exists
	return command
}

func compact(offline func() (*app.Maintenance, error)) *cobra.Command {
	return &cobra.Command{
		Use: "compact", Short: "Shorten the file of checkpoints to the last of each day and chain",
		Args: cobra.NoArgs,
		Long: `Shorten the file of checkpoints (AUDIT_CHECKPOINTS) to the last checkpoint of each day (UTC) and
chain. Nothing is less proved: each checkpoint covers everything before it. The file grows by about
400 bytes a minute while the trail grows. It needs no store, and a server may be running. It fails
if a line is not signed with AUDIT_KEY or AUDIT_KEY_PREVIOUS.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			maintenance, err := offline()
			if err != nil {
				return err
			}
			kept, all, err := maintenance.CompactCheckpoints()
			if err != nil {
				return err
			}
			if all == 0 {
				return errors.New("AUDIT_CHECKPOINTS names a file that is missing or has no checkpoint")
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "kept: %d of %d checkpoints\n", kept, all)
			return err
		},
	}
}

func closeChains(run Run) *cobra.Command {
	return &cobra.Command{
		Use: "close", Short: "End the chains of earlier releases, after which an upgrade cannot be undone",
		Args: cobra.NoArgs,
		Long: `End the eight chains of entries that earlier releases wrote, and record their ends in the chain of
this release. An earlier release that is started again then cannot record, and responds with 503.
The server does this itself a week after the last entry of an earlier release.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), func(ctx context.Context, maintenance *app.Maintenance) error {
				closed, err := maintenance.CloseChains(ctx)
				if err != nil {
					return err
				}
				result := "closed: the chains of earlier releases"
				if !closed {
					result = "the chains of earlier releases are closed already"
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), result)
				return err
			})
		},
	}
}

func showProgress(line *progress.Line, label string) app.Progress {
	return func(done, all int64) { line.Show(label, done, all) }
}
