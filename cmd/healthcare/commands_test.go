package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"version", "--version", "-v"} {
		require.Equal(t, "healthcare "+harness.TestVersion+"\n",
			harness.NewEnv(t).With("DEBUG=perhaps").Run(line).ExpectSuccess(), "the configuration is not read")
	}
}

// commandLines returns every command by its command line.
func commandLines(command *cobra.Command, path ...string) map[string]*cobra.Command {
	all := map[string]*cobra.Command{strings.Join(path, " "): command}
	for _, sub := range command.Commands() {
		maps.Copy(all, commandLines(sub, append(slices.Clip(path), sub.Name())...))
	}
	return all
}

func TestHelp(t *testing.T) {
	t.Parallel()
	all := commandLines(rootCommand())
	require.Len(t, all, 45, "%v", all)
	for line, command := range all {
		t.Run("of healthcare "+line+" describes its purpose", func(t *testing.T) {
			t.Parallel()
			help := harness.NewEnv(t).Run(append(strings.Fields(line), "--help")...).ExpectSuccess()
			require.NotEmpty(t, command.Short)
			purpose := command.Long
			if purpose == "" {
				purpose = command.Short
			}
			require.Contains(t, help, strings.TrimSpace(purpose))
			require.Contains(t, help, "Usage:\n  healthcare")
			require.Equal(t, line == "", strings.Contains(help, "Environment ("), "only the root lists the variables")
			require.Equal(t, line == "", strings.Contains(help, "Exit status: "))
			require.Equal(t, line != "", strings.Contains(help, `"healthcare --help" lists the environment variables`))
		})
	}
	t.Run("of the program lists every command and gives examples", func(t *testing.T) {
		t.Parallel()
		help := harness.NewEnv(t).Run("--help").ExpectSuccess()
		for _, sub := range rootCommand().Commands() {
			require.Contains(t, help, "\n  "+sub.Name()+" ")
		}
		require.Contains(t, help, "Examples:")
		for _, key := range helpKeys {
			require.Regexp(t, "(?m)^  "+strings.ToUpper(key)+" +\\S.{5,95}$", help)
		}
		require.Equal(t, help, harness.NewEnv(t).Run("help").ExpectSuccess())
	})
	t.Run("of a command with subcommands is also its output without arguments", func(t *testing.T) {
		t.Parallel()
		p := harness.NewEnv(t)
		for _, command := range []string{"migrate", "keys", "mail", "deliveries"} {
			require.Equal(t, p.Run(command, "--help").ExpectSuccess(), p.Run(command).ExpectSuccess())
		}
	})
}

func TestUnknownCommandsAreRejectedInOneLine(t *testing.T) {
	t.Parallel()
	const unknown = "unknown command "
	for line, message := range map[string]string{
		"sevre":                       unknown + `"sevre" for "healthcare"; did you mean serve?`,
		"migrate stauts":              unknown + `"stauts" for "healthcare migrate"; did you mean status?`,
		"audit verfiy":                unknown + `"verfiy" for "healthcare audit"; did you mean verify?`,
		"help migrte":                 unknown + `"migrte" for "healthcare"; did you mean migrate?`,
		"help audit exprot":           unknown + `"exprot" for "healthcare audit"; did you mean export?`,
		"completion powershel":        unknown + `"powershel" for "healthcare completion"; did you mean powershell?`,
		"copy --snapshto":             "unknown flag: --snapshto; did you mean --snapshot?",
		"user list --rol x":           "unknown flag: --rol; did you mean --role?",
		"keys rotate --drop-previuos": "unknown flag: --drop-previuos; did you mean --drop-previous?",
		"--port 9000":                 "unknown flag: --port",
		"-p":                          "unknown shorthand flag: 'p'",
		"serve --port 9000":           "unknown flag: --port",
		"serve now":                   unknown + `"now"`,
		"migrate down":                unknown + `"down"`,
		"migrate up 3":                unknown + `"3"`,
		"migrate --force":             "unknown flag: --force",
		"mail tset":                   unknown + `"tset" for "healthcare mail"; did you mean test?`,
		"mail test":                   "accepts 1 arg(s), received 0",
		"keys rotat":                  unknown + `"rotat" for "healthcare keys"; did you mean rotate?`,
		"keys rotate now":             unknown + `"now"`,
		"keys list --json":            "unknown flag: --json",
		"health 10.0.0.1":             unknown + `"10.0.0.1"`,
		"version --json":              "unknown flag: --json",
	} {
		t.Run("healthcare "+line, func(t *testing.T) {
			t.Parallel()
			o := harness.NewEnv(t).Run(strings.Fields(line)...).ExpectFailure(exitFailure, message)
			require.Len(t, o.StderrLines(), 1)
		})
	}
}

func TestShellCompletion(t *testing.T) {
	t.Parallel()
	p := harness.NewEnv(t)
	for shell, mark := range map[string]string{
		"bash": "__start_healthcare", "zsh": "#compdef healthcare", "fish": "complete -c healthcare",
		"powershell": "Register-ArgumentCompleter",
	} {
		t.Run("has a script for "+shell, func(t *testing.T) {
			require.Contains(t, p.Run("completion", shell).ExpectSuccess(), mark)
		})
	}
	for line, candidates := range map[string][]string{
		"mig": {"migrate"}, "migrate ": {"up", "status"}, "audit verify --": {"--checkpoints", "--export"},
		"user list --role ":           {"admin\t", "auditor\t", "patient\t", "staff\t"},
		"user promote EMAIL --role a": {"admin\t", "auditor\t"},
	} {
		t.Run("completes healthcare "+line, func(t *testing.T) {
			words := strings.Split(line, " ")
			o := p.Run(append([]string{"__complete"}, words...)...)
			require.Equal(t, 0, o.ExitCode)
			for _, word := range candidates {
				require.Contains(t, o.Stdout, word)
			}
		})
	}
	require.Len(t, p.ListFolder(), 1, "creates no files")
}
