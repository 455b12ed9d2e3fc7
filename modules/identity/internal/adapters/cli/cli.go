// Package cli is the identity module's door for operators: `healthcare user …`. Who may run it may do anything with
// accounts; it is how the first administrator is made.
package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
)

// Run does something over the accounts of the configured store.
type Run func(ctx context.Context, do func(context.Context, *app.Accounts) error) error

// operator is who acts from the command line, as the audit trail tells it.
var operator = auth.Principal{Role: "operator"}

// New is the command.
func New(run Run) *cobra.Command {
	user := &cobra.Command{
		Use: "user", Short: "Make and keep accounts, the first administrator's among them",
		Long: `Make and keep accounts, over the configured store, whether a server runs or not. What is
changed counts from the server's next request on.

Accounts are named by their address or by their id, which user list shows. Commands that change
an account show it and ask first; --yes answers them, and is required where standard input is no
terminal.`,
		Example: `  healthcare user create --email asha@clinic.example --name "Asha Rao" --role admin
  healthcare user create --email asha@clinic.example --name "Asha Rao" < password.txt
  healthcare user promote asha@clinic.example
  healthcare user promote 0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b --role auditor --yes
  healthcare user password asha@clinic.example < password.txt
  healthcare user list --role admin`,
		Args: cobra.NoArgs, // with RunE: cobra answers a misspelt subcommand with its help and exit code 0 otherwise
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	user.AddCommand(
		create(run), list(run), promote(run), password(run),
		change(run, "demote EMAIL|ID", "Make a user staff again", domain.Changes{Role: new(string(auth.Staff))}),
		change(run, "disable EMAIL|ID", "Sign a user out everywhere, and keep them out", domain.Changes{Active: new(false)}),
		change(run, "enable EMAIL|ID", "Let a disabled user sign in again", domain.Changes{Active: new(true)}),
	)
	return user
}

func create(run Run) *cobra.Command {
	var registration domain.Registration
	var role string
	command := &cobra.Command{
		Use: "create", Short: "Make an account, also where registration is closed", Args: cobra.NoArgs,
		Long: "Make an account. The password is asked for on a terminal, else it is the first line of standard input; it is never an argument.",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if registration.Password, err = readPassword(cmd.InOrStdin(), cmd.ErrOrStderr()); err != nil {
				return err
			}
			return run(cmd.Context(), func(ctx context.Context, accounts *app.Accounts) error {
				made, err := accounts.Add(ctx, operator, registration, auth.Role(role))
				return told(cmd, "made", made, err)
			})
		},
	}
	command.Flags().StringVar(&registration.Email, "email", "", "the address to sign in with")
	command.Flags().StringVar(&registration.Name, "name", "", "the user's name")
	command.Flags().StringVar(&role, "role", string(auth.Staff), "what the user is")
	for _, name := range []string{"email", "name"} {
		_ = command.MarkFlagRequired(name) // it exists
	}
	return command
}

// pageSize is how many users are read at a time, however many there are.
const pageSize = 500

func list(run Run) *cobra.Command {
	var filter domain.UserFilter
	command := &cobra.Command{
		Use: "list", Short: "List users, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), func(ctx context.Context, accounts *app.Accounts) error {
				if filter.Role != "" {
					if err := accounts.CheckRole(auth.Role(filter.Role)); err != nil {
						return explained(err)
					}
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "EMAIL\tNAME\tROLE\tACTIVE\tSINCE\tID")
				err := each(ctx, accounts, filter, func(u domain.User) {
					fmt.Fprintf(table, "%s\t%s\t%s\t%t\t%s\t%s\n", plain(u.Email), plain(u.Name), u.Role, u.Active, u.CreatedAt.Format(time.DateOnly), u.ID)
				})
				return errors.Join(err, table.Flush())
			})
		},
	}
	command.Flags().StringVar(&filter.Search, "search", "", "words, each a part of name or address")
	command.Flags().StringVar(&filter.Role, "role", "", "only users of this role")
	return command
}

func each(ctx context.Context, accounts *app.Accounts, filter domain.UserFilter, do func(domain.User)) error {
	request := paging.Request{Limit: pageSize, Order: []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}}
	for {
		page, err := accounts.Browse(ctx, filter, request)
		if err != nil {
			return err
		}
		for _, user := range page.Items {
			do(user)
		}
		if page.Next == nil {
			return nil
		}
		request.After = page.Next
	}
}

// plain keeps what a user typed from moving the cursor.
func plain(text string) string { return strings.Trim(fmt.Sprintf("%q", text), `"`) }

// told says what a user is now, or why nothing was done.
func told(cmd *cobra.Command, what string, user domain.User, err error) error {
	if err != nil {
		return explained(err)
	}
	state := "active"
	if !user.Active {
		state = "disabled"
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, %s\n", what, plain(user.Email), user.Role, state)
	return err
}

// explained is an error in the words that clients are shown, every refused field with its messages.
func explained(err error) error {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || errs.KindOf(err) == errs.Unavailable {
		return err
	}
	if len(e.Fields) == 0 {
		return errors.New(e.Detail)
	}
	var all []string
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		all = append(all, field+": "+strings.Join(e.Fields[field], " "))
	}
	return errors.New(strings.Join(all, "; "))
}
