package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/revision"
)

// Why an account stays as it is. None is a failure of the store.
var (
	errNotAsked  = errors.New("standard input is no terminal to ask on: pass --yes to change the account without being asked")
	errDeclined  = errors.New("nothing was changed")
	errAmbiguous = errors.New("several accounts have this address in different spellings: name one by its id")
)

func promote(run Run) *cobra.Command {
	role := string(auth.Admin)
	command := change(run, "promote EMAIL|ID", "Make a user an administrator, or give another role", domain.Changes{Role: &role})
	command.Flags().StringVar(&role, "role", role, "what the user is to be")
	return command
}

// change returns a command that makes changes of the account that it is given.
func change(run Run, use, short string, changes domain.Changes) *cobra.Command {
	return onAccount(use, short, func(cmd *cobra.Command, account string, yes bool) error {
		if !yes && terminal(cmd.InOrStdin()) == nil {
			return errNotAsked
		}
		return run(cmd.Context(), func(ctx context.Context, accounts *app.Accounts) error {
			if changes.Role != nil {
				if err := accounts.CheckRole(auth.Role(*changes.Role)); err != nil {
					return explained(err)
				}
			}
			question := ""
			if !yes {
				question = asking(changes)
			}
			user, err := chosen(ctx, cmd, accounts, account, question)
			if err == nil {
				user, err = accounts.Administer(ctx, operator, user.ID, revision.Match{}, changes)
			}
			return told(cmd, "changed", user, err)
		})
	})
}

func password(run Run) *cobra.Command {
	short := "Give a user another password, and sign them out everywhere"
	command := onAccount("password EMAIL|ID", short, func(cmd *cobra.Command, account string, yes bool) error {
		asked := terminal(cmd.InOrStdin()) != nil
		var password string
		if !asked {
			var err error
			if password, err = readPassword(cmd.InOrStdin(), cmd.ErrOrStderr()); err != nil {
				return err
			}
		}
		return run(cmd.Context(), func(ctx context.Context, accounts *app.Accounts) error {
			question := ""
			if asked && !yes {
				question = "Set another password for this account"
			}
			user, err := chosen(ctx, cmd, accounts, account, question)
			if err == nil && asked {
				password, err = readPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
			}
			if err == nil {
				user, err = accounts.ResetPassword(ctx, operator, user.ID, password)
			}
			return told(cmd, "password set", user, err)
		})
	})
	command.Long = `Give a user another password, and sign them out everywhere. On a terminal it is asked for twice,
else it is the first line of standard input, which needs no --yes; it is never an argument.`
	return command
}

// onAccount returns a command that is given one account, and --yes.
func onAccount(use, short string, do func(cmd *cobra.Command, account string, yes bool) error) *cobra.Command {
	var yes bool
	command := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return do(cmd, args[0], yes) },
	}
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do it without being asked")
	return command
}

// asking is the question that is asked before changes are made.
func asking(changes domain.Changes) string {
	switch {
	case changes.Role != nil:
		return "Make this account " + *changes.Role
	case *changes.Active:
		return "Enable this account"
	}
	return "Disable this account"
}

// chosen finds the one account that is meant. Unless the question is empty, it shows the account and asks.
// Errors: identity.ErrUserNotFound, errAmbiguous, errDeclined, the store's.
func chosen(ctx context.Context, cmd *cobra.Command, accounts *app.Accounts, account, question string) (domain.User, error) {
	users, err := named(ctx, accounts, account)
	if err != nil {
		return domain.User{}, err
	}
	if len(users) == 1 && question == "" {
		return users[0], nil // the outcome names it
	}
	for _, u := range users {
		state := map[bool]string{true: "active", false: "disabled"}[u.Active]
		fmt.Fprintf(cmd.ErrOrStderr(), "%s  %s  %s  %s, %s, registered %s\n", u.ID, plain(u.Email), plain(u.Name), u.Role, state,
			u.CreatedAt.Format(time.RFC3339))
	}
	if len(users) > 1 {
		return domain.User{}, errAmbiguous
	}
	if !agreed(ctx, cmd.InOrStdin(), cmd.ErrOrStderr(), question+"? [y/N] ") {
		return domain.User{}, errDeclined
	}
	return users[0], nil
}

// named returns the account of an id, or those of an address.
func named(ctx context.Context, accounts *app.Accounts, account string) ([]domain.User, error) {
	id, err := identity.ParseUserID(strings.ToLower(strings.TrimSpace(account)))
	if err != nil {
		return accounts.FindByEmail(ctx, account)
	}
	user, err := accounts.Find(ctx, id)
	return []domain.User{user}, err
}

// agreed asks a question on a terminal. Whatever is not a yes is a no, the end of ctx too. It reads no further than
// the answer, because a password may follow.
func agreed(ctx context.Context, in io.Reader, out io.Writer, question string) bool {
	fmt.Fprint(out, question)
	answer := make(chan string, 1)
	go func() { // which a read of a terminal cannot be kept from outliving; the program ends with it
		line, _ := bufio.NewReader(byByte{in}).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(out)
		return false
	case text := <-answer:
		return text == "y" || text == "yes"
	}
}

// byByte is a reader that gives a byte at a time, so that a buffer above takes no more than it was asked for.
type byByte struct{ io.Reader }

func (r byByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }
