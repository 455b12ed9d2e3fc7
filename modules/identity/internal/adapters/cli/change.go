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

// Reasons why an account was not changed.
var (
	errNoTerminal = errors.New("standard input is not a terminal: pass --yes to skip the confirmation")
	errDeclined   = errors.New("nothing was changed")
	errAmbiguous  = errors.New("several accounts have this address in different spellings: pass the id of one")
)

func promote(run Run) *cobra.Command {
	role := string(auth.Admin)
	command := change(
		run, "promote EMAIL|ID", "Make a user an administrator, or set another role", domain.Changes{Role: &role})
	command.Flags().StringVar(&role, "role", role, "the user's new role")
	return command
}

// change returns a command that applies changes to one account.
func change(run Run, use, short string, changes domain.Changes) *cobra.Command {
	return onAccount(use, short, func(cmd *cobra.Command, account string, yes bool) error {
		if !yes && terminal(cmd.InOrStdin()) == nil {
			return errNoTerminal
		}
		return run(cmd.Context(), func(ctx context.Context, accounts *app.Accounts) error {
			if changes.Role != nil {
				if err := accounts.CheckRole(auth.Role(*changes.Role)); err != nil {
					return explained(err)
				}
			}
			question := ""
			if !yes {
				question = questionFor(changes)
			}
			user, err := choose(ctx, cmd, accounts, account, question)
			if err == nil {
				user, err = accounts.Administer(ctx, auth.Operator, user.ID, revision.Match{}, changes)
			}
			return report(cmd, "changed", user, err)
		})
	})
}

// verify returns a command that marks an address as verified, for installations that send no mail.
func verify(run Run) *cobra.Command {
	short := "Mark a user's e-mail address as verified"
	return onAccount("verify EMAIL|ID", short, func(cmd *cobra.Command, account string, yes bool) error {
		if !yes && terminal(cmd.InOrStdin()) == nil {
			return errNoTerminal
		}
		return run(cmd.Context(), func(ctx context.Context, accounts *app.Accounts) error {
			question := ""
			if !yes {
				question = "Mark the address of this account as verified"
			}
			user, err := choose(ctx, cmd, accounts, account, question)
			if err == nil {
				user, err = accounts.Verify(ctx, auth.Operator, user.ID)
			}
			return report(cmd, "verified", user, err)
		})
	})
}

func password(run Run) *cobra.Command {
	short := "Set a user's password and end all their sessions"
	command := onAccount("password EMAIL|ID", short, func(cmd *cobra.Command, account string, yes bool) error {
		interactive := terminal(cmd.InOrStdin()) != nil
		var password string
		if !interactive {
			var err error
			if password, err = readPassword(cmd.InOrStdin(), cmd.ErrOrStderr()); err != nil {
				return err
			}
		}
		return run(cmd.Context(), func(ctx context.Context, accounts *app.Accounts) error {
			question := ""
			if interactive && !yes {
				question = "Set a new password for this account"
			}
			user, err := choose(ctx, cmd, accounts, account, question)
			if err == nil && interactive {
				password, err = readPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
			}
			if err == nil {
				user, err = accounts.ResetPassword(ctx, auth.Operator, user.ID, password)
			}
			return report(cmd, "password set", user, err)
		})
	})
	command.Long = `Set a user's password and end all their sessions. On a terminal the password is prompted for twice.
Otherwise it is the first line of standard input, and --yes is not required. It cannot be passed as
an argument.`
	return command
}

// onAccount returns a command with one account as its argument, and the flag --yes.
func onAccount(use, short string, do func(cmd *cobra.Command, account string, yes bool) error) *cobra.Command {
	var yes bool
	command := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return do(cmd, args[0], yes) },
	}
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation")
	return command
}

// questionFor returns the question to confirm changes.
func questionFor(changes domain.Changes) string {
	switch {
	case changes.Role != nil:
		return "Make this account " + *changes.Role
	case *changes.Active:
		return "Enable this account"
	}
	return "Disable this account"
}

// choose returns the account that the argument identifies. Unless the question is empty, it prints the account and
// prompts for confirmation.
// Errors: identity.ErrUserNotFound, errAmbiguous, errDeclined, the store's.
func choose(
	ctx context.Context, cmd *cobra.Command, accounts *app.Accounts, account, question string,
) (domain.User, error) {
	users, err := find(ctx, accounts, account)
	if err != nil {
		return domain.User{}, err
	}
	if len(users) == 1 && question == "" {
		return users[0], nil // report prints it
	}
	for _, u := range users {
		state := map[bool]string{true: "active", false: "disabled"}[u.Active]
		fmt.Fprintf(cmd.ErrOrStderr(), "%s  %s  %s  %s, %s, registered %s\n", u.ID, escaped(u.Email), escaped(u.Name),
			u.Role, state, u.CreatedAt.Format(time.RFC3339))
	}
	if len(users) > 1 {
		return domain.User{}, errAmbiguous
	}
	if !confirm(ctx, cmd.InOrStdin(), cmd.ErrOrStderr(), question+"? [y/N] ") {
		return domain.User{}, errDeclined
	}
	return users[0], nil
}

// find returns the account with an id, or the accounts with an e-mail address.
func find(ctx context.Context, accounts *app.Accounts, account string) ([]domain.User, error) {
	id, err := identity.ParseUserID(strings.ToLower(strings.TrimSpace(account)))
	if err != nil {
		return accounts.FindByEmail(ctx, account)
	}
	user, err := accounts.Find(ctx, id)
	return []domain.User{user}, err
}

// confirm asks a question on a terminal and reports whether the answer was yes. The end of ctx is a no. It reads no
// further than the answer, because a password may follow.
func confirm(ctx context.Context, in io.Reader, out io.Writer, question string) bool {
	fmt.Fprint(out, question)
	answer := make(chan string, 1)
	go func() { // may outlive this call, because a read of a terminal cannot be cancelled; the program ends then
		line, _ := bufio.NewReader(byteReader{in}).ReadString('\n')
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

// byteReader reads one byte at a time, so that a bufio.Reader does not read ahead.
type byteReader struct{ io.Reader }

func (r byteReader) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }
