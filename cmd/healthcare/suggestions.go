package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"healthcare/cmd/internal/composition"
	"healthcare/platform/contract"
	"healthcare/platform/spelling"
)

// addSuggestions makes every command suggest names for an unknown command or flag, and complete its arguments.
func addSuggestions(root *cobra.Command) {
	root.SetFlagErrorFunc(unknownFlag)
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, command := range root.Commands() {
		if command.Name() == "help" {
			command.Args = func(_ *cobra.Command, args []string) error {
				found, rest, err := root.Find(args)
				if err != nil {
					return err
				}
				return unknownCommand(found, rest)
			}
			continue
		}
		addSuggestionsBelow(command)
	}
	root.Args = unknownCommand
}

func addSuggestionsBelow(command *cobra.Command) {
	if command.HasSubCommands() {
		command.Args = unknownCommand
		if !command.Runnable() { // otherwise its arguments would be ignored
			command.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	} else if command.ValidArgsFunction == nil {
		command.ValidArgsFunction = cobra.NoFileCompletions
	}
	if command.Flags().Lookup("role") != nil {
		_ = command.RegisterFlagCompletionFunc("role", completeRoles) // the flag exists
	}
	for _, below := range command.Commands() {
		addSuggestionsBelow(below)
	}
}

// unknownCommand rejects arguments, as cobra.NoArgs does, and suggests a command.
func unknownCommand(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	command.SuggestionsMinimumDistance = 2
	suggestion := ""
	if near := command.SuggestionsFor(args[0]); len(near) > 0 {
		suggestion = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], command.CommandPath(), suggestion)
}

func unknownFlag(command *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	var names []string
	command.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	if near := spelling.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return err
}

// completeRoles returns the roles that the modules declare.
func completeRoles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	roles, err := contract.Roles(composition.Documents()...)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var all []cobra.Completion
	for role, declared := range roles {
		all = append(all, cobra.CompletionWithDesc(string(role), declared.Description))
	}
	slices.Sort(all)
	return all, cobra.ShellCompDirectiveNoFileComp
}
