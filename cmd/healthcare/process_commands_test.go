package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	require.Equal(t, "healthcare "+testVersion+"\n", bare(t).with("DEBUG=perhaps").run("version").succeeded(), "whatever the configuration")
}

// commandLines is how every command is called.
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
	require.Len(t, all, 25, "%v", all)
	for line, command := range all {
		t.Run("of healthcare "+line+" says what it is for", func(t *testing.T) {
			t.Parallel()
			said := bare(t).run(append(strings.Fields(line), "--help")...).succeeded()
			require.NotEmpty(t, command.Short)
			purpose := command.Long
			if purpose == "" {
				purpose = command.Short
			}
			for _, text := range []string{purpose, "Usage:\n  healthcare", "DATABASE_URL", "SECRET_KEY", "Exit status: "} {
				require.Contains(t, said, text)
			}
		})
	}
	t.Run("of the program lists every command and gives examples", func(t *testing.T) {
		t.Parallel()
		said := bare(t).run("--help").succeeded()
		for _, sub := range rootCommand().Commands() {
			require.Contains(t, said, "\n  "+sub.Name()+" ")
		}
		require.Contains(t, said, "Examples:")
		require.Equal(t, said, bare(t).run("help").succeeded())
	})
	t.Run("of a command that has commands is what it says alone", func(t *testing.T) {
		t.Parallel()
		p := bare(t)
		for _, command := range []string{"migrate", "keys"} {
			require.Equal(t, p.run(command, "--help").succeeded(), p.run(command).succeeded())
		}
	})
}

func TestWhatIsNoCommandIsRefusedInOneLine(t *testing.T) {
	t.Parallel()
	for line, named := range map[string]string{
		"sevre":             `unknown command "sevre"`,
		"--port 9000":       "unknown flag: --port",
		"-p":                "unknown shorthand flag: 'p'",
		"serve --port 9000": "unknown flag: --port",
		"serve now":         `unknown command "now"`,
		"migrate down":      `unknown command "down"`,
		"migrate up 3":      `unknown command "3"`,
		"migrate --force":   "unknown flag: --force",
		"keys rotat":        `unknown command "rotat"`,
		"keys rotate now":   `unknown command "now"`,
		"keys list --json":  "unknown flag: --json",
		"health 10.0.0.1":   `unknown command "10.0.0.1"`,
		"version --json":    "unknown flag: --json",
	} {
		t.Run("healthcare "+line, func(t *testing.T) {
			t.Parallel()
			o := bare(t).run(strings.Fields(line)...).failed(exitFailure, named)
			require.Len(t, o.lines(), 1)
		})
	}
}
