// Package cli has the commands of `healthcare user …`, which manage accounts without authentication. The first
// administrator is created with them.
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

// Run calls do with the accounts of the configured store.
type Run func(ctx context.Context, do func(context.Context, *app.Accounts) error) error

// New returns the command.
func New(run Run) *cobra.Command {
	user := &cobra.Command{
		Use: "user", Short: "Create and manage accounts, such as the first administrator's",
		Long: `Create and manage accounts in the configured store, whether a server is running or not. Changes
take effect with the server's next request.

An account is given by its e-mail address, or by its id as printed by user list. Commands that
change an account print it and ask for confirmation. --yes skips the question; it is required if
standard input is not a terminal.`,
		Example: `  healthcare user create --email asha@clinic.example --name "Asha Rao" --role admin
  healthcare user create --email asha@clinic.example --name "Asha Rao" < password.txt
  healthcare user promote asha@clinic.example
  healthcare user promote 0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b --role auditor --yes
  healthcare user password asha@clinic.example < password.txt
  healthcare user verify asha@clinic.example
  healthcare user list --role admin`,
		Args: cobra.NoArgs, // with RunE, because cobra exits with 0 on a misspelt subcommand otherwise
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	user.AddCommand(
		create(run), list(run), promote(run), password(run), verify(run),
		change(run, "demote EMAIL|ID", "Set a user's role to staff", domain.Changes{Role: new(string(auth.Staff))}),
		change(
			run, "disable EMAIL|ID", "End a user's sessions and prevent new sign-ins",
			domain.Changes{Active: new(false)},
		),
		change(run, "enable EMAIL|ID", "Allow a user to sign in again", domain.Changes{Active: new(true)}),
	)
	return user
}

func create(run Run) *cobra.Command {
	var registration domain.Registration
	var role string
	command := &cobra.Command{
		Use: "create", Short: "Create an account, even if registration is closed", Args: cobra.NoArgs,
		Long: `Create an account. On a terminal the password is prompted for; otherwise it is the first line of
standard input. It cannot be passed as an argument.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if registration.Password, err = readPassword(cmd.InOrStdin(), cmd.ErrOrStderr()); err != nil {
				return err
			}
			return run(cmd.Context(), func(ctx context.Context, accounts *app.Accounts) error {
				user, err := accounts.Add(ctx, auth.Operator, registration, auth.Role(role))
				return report(cmd, "created", user, err)
			})
		},
	}
	command.Flags().StringVar(&registration.Email, "email", "", "the e-mail address to sign in with")
	command.Flags().StringVar(&registration.Name, "name", "", "the user's name")
	command.Flags().StringVar(&role, "role", string(auth.Staff), "the user's role")
	for _, name := range []string{"email", "name"} {
		_ = command.MarkFlagRequired(name) // it exists
	}
	return command
}

// pageSize is the number of users that are read at once.
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
					fmt.Fprintf(table, "%s\t%s\t%s\t%t\t%s\t%s\n", escaped(u.Email), escaped(u.Name), u.Role, u.Active,
						u.CreatedAt.Format(time.DateOnly), u.ID)
				})
				return errors.Join(err, table.Flush())
			})
		},
	}
	command.Flags().StringVar(&filter.Search, "search", "", "words, each a part of the name or e-mail address")
	command.Flags().StringVar(&filter.Role, "role", "", "only users with this role")
	return command
}

func each(ctx context.Context, accounts *app.Accounts, filter domain.UserFilter, do func(domain.User)) error {
	request := paging.Request{Limit: pageSize, Order: []paging.Order{
		{Column: "created_at", Descending: true}, {Column: "id", Descending: true},
	}}
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

// escaped returns text without control characters, which could change the terminal's output.
func escaped(text string) string { return strings.Trim(fmt.Sprintf("%q", text), `"`) }

// report prints the outcome of an action: the user's role and state, or the error.
func report(cmd *cobra.Command, action string, user domain.User, err error) error {
	if err != nil {
		return explained(err)
	}
	state := "active"
	if !user.Active {
		state = "disabled"
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, %s\n", action, escaped(user.Email), user.Role, state)
	return err
}

// explained returns an error with the text that clients get, including the messages of all rejected fields.
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
