// Package cli implements the command `healthcare deliveries`.
package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/app"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/paging"
)

// Run calls do with the deliveries of the configured store.
type Run func(ctx context.Context, do func(context.Context, *app.Administration) error) error

const maxListed = 500

// New returns the command.
func New(run Run) *cobra.Command {
	command := &cobra.Command{
		Use: "deliveries", Short: "List messages and webhooks, and send again those that were given up",
		Args: cobra.NoArgs, // with RunE, because otherwise a misspelt subcommand prints the help and exits with 0
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	command.AddCommand(listCommand(run), resendCommand(run))
	return command
}

func listCommand(run Run) *cobra.Command {
	var filter domain.Filter
	limit := 50
	list := &cobra.Command{
		Use: "list", Short: "List deliveries, newest first, without addresses and texts",
		Long: `List deliveries, newest first: when each was created, its state, the attempts, the code of the last
failure, its kind and its id. Nothing of a message is stored. A server may be running.`,
		Example: "  healthcare deliveries list --state dead",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > maxListed {
				return fmt.Errorf("--limit must be 1 to %d", maxListed)
			}
			if err := filter.Check(); err != nil {
				return err
			}
			return run(cmd.Context(), func(ctx context.Context, service *app.Administration) error {
				return printList(ctx, cmd, service, filter, limit)
			})
		},
	}
	list.Flags().StringVar((*string)(&filter.State), "state", "", "those pending, sent, dead or cancelled")
	list.Flags().StringVar((*string)(&filter.Channel), "channel", "", "only those by mail or webhook")
	list.Flags().IntVar(&limit, "limit", limit, "how many")
	return list
}

func printList(
	ctx context.Context, cmd *cobra.Command, service *app.Administration, filter domain.Filter, limit int,
) error {
	newest := []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}
	page, err := service.List(ctx, auth.Operator, filter, paging.Request{Limit: limit, Order: newest})
	if err != nil {
		return err
	}
	if len(page.Items) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "No deliveries match.")
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0) //nolint:mnd // two spaces between columns
	for _, d := range page.Items {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\n", d.CreatedAt.Format(time.RFC3339), d.State, d.Attempts,
			orDash(d.LastError), d.Kind, d.ID)
	}
	return table.Flush()
}

func orDash(code string) string {
	if code == "" {
		return "-"
	}
	return code
}

func resendCommand(run Run) *cobra.Command {
	which := domain.Resending{Channel: notifications.Mail}
	resend := &cobra.Command{
		Use: "resend", Short: "Send deliveries again that were given up",
		Long: `Send deliveries again that were given up, at most 1,000, the oldest first. The running server sends them
within seconds, with the same ids as before. Reminders and messages with a token are omitted.`,
		Example: "  healthcare deliveries resend --since 2026-11-29T00:00:00Z",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, wrong := which.Read()
			for _, flag := range slices.Sorted(maps.Keys(wrong)) {
				return fmt.Errorf("--%s: %w", flag, wrong[flag])
			}
			return run(cmd.Context(), func(ctx context.Context, service *app.Administration) error {
				resent, err := service.ResendDead(ctx, auth.Operator, which)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "Deliveries that are sent again: %d\n", resent)
				}
				return err
			})
		},
	}
	resend.Flags().StringVar(&which.Since, "since", "", "those given up at this time (RFC 3339) or later")
	resend.Flags().StringVar((*string)(&which.Channel), "channel", string(which.Channel), "mail or webhook")
	_ = resend.MarkFlagRequired("since") // fails for an unknown flag only
	return resend
}
