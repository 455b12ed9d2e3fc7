// Command task runs the tasks of Taskfile.yml without go-task, whose own build takes minutes. It starts in a second:
//
//	go run ./.tools/task            list the tasks
//	go run ./.tools/task lint       run one
//	go run ./.tools/task new:migration MODULE=patients NAME=add_photo
//	go run ./.tools/task test -- -run TestX
//
// It reads the part of go-task's format that Taskfile.yml uses: vars, desc, cmd, cmds, requires and templates. Anything
// else is an error, so that a task never means two things. Tasks run in the repository's top folder, by bash.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"text/template"

	"go.yaml.in/yaml/v3"
)

type taskfile struct {
	Version string            `yaml:"version"`
	Silent  bool              `yaml:"silent"`
	Vars    map[string]string `yaml:"vars"`
	Tasks   map[string]task   `yaml:"tasks"`
}

type task struct {
	Description string   `yaml:"desc"`
	Command     string   `yaml:"cmd"`
	Commands    []string `yaml:"cmds"`
	Requires    struct {
		Vars []string `yaml:"vars"`
	} `yaml:"requires"`
}

func main() {
	err := run(os.Args[1:])
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		os.Exit(max(failed.ExitCode(), 1)) // -1 after a signal
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "task:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	folder, err := topFolder()
	if err != nil {
		return err
	}
	file, err := read(filepath.Join(folder, "Taskfile.yml"))
	if err != nil {
		return err
	}
	names, vars, rest := split(args)
	if len(names) == 0 || names[0] == "default" || names[0] == "--list" || names[0] == "--help" || names[0] == "-h" {
		return list(os.Stdout, file)
	}
	values := maps.Clone(file.Vars)
	maps.Copy(values, vars)
	values["CLI_ARGS"] = rest
	for _, name := range names {
		if err := runTask(folder, file, name, values); err != nil {
			return err
		}
	}
	return nil
}

// topFolder returns the nearest folder upwards that has a Taskfile.yml.
func topFolder() (string, error) {
	folder, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(folder, "Taskfile.yml")); missing == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("no Taskfile.yml in this folder or above it")
		}
		folder = parent
	}
	return "", err
}

func read(path string) (taskfile, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return taskfile{}, err
	}
	file := taskfile{Vars: map[string]string{}}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true) // an unknown key is a feature of go-task that this command lacks
	if err := decoder.Decode(&file); err != nil {
		return taskfile{}, fmt.Errorf("Taskfile.yml: %w", err)
	}
	return file, nil
}

// split sorts arguments as go-task does: names of tasks, NAME=value, and everything after -- as one quoted text.
func split(args []string) (names []string, vars map[string]string, rest string) {
	vars = map[string]string{}
	for i, arg := range args {
		if arg == "--" {
			quoted := make([]string, len(args[i+1:]))
			for j, after := range args[i+1:] {
				quoted[j] = quote(after)
			}
			return names, vars, strings.Join(quoted, " ")
		}
		if name, value, isVar := strings.Cut(arg, "="); isVar {
			vars[name] = value
		} else {
			names = append(names, arg)
		}
	}
	return names, vars, ""
}

func list(out io.Writer, file taskfile) error {
	fmt.Fprintln(out, "Tasks (arguments for a task after --):")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(file.Tasks)) {
		if description := file.Tasks[name].Description; description != "" {
			fmt.Fprintf(table, "  %s\t%s\n", name, description)
		}
	}
	return table.Flush()
}

func runTask(folder string, file taskfile, name string, values map[string]string) error {
	t, known := file.Tasks[name]
	if !known {
		return fmt.Errorf("there is no task %q; without arguments all tasks are listed", name)
	}
	for _, required := range t.Requires.Vars {
		if values[required] == "" {
			return fmt.Errorf("%s needs %s=…: %s", name, required, t.Description)
		}
	}
	commands := t.Commands
	if t.Command != "" {
		commands = append([]string{t.Command}, commands...)
	}
	for _, command := range commands {
		script, err := expand(command, values)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := bash(folder, script); err != nil {
			return err
		}
	}
	return nil
}

func expand(command string, values map[string]string) (string, error) {
	functions := template.FuncMap{"shellQuote": quote, "default": func(fallback, value string) string {
		return cmp.Or(value, fallback)
	}}
	parsed, err := template.New("").Funcs(functions).Option("missingkey=zero").Parse(command)
	if err != nil {
		return "", err
	}
	var script strings.Builder
	err = parsed.Execute(&script, values)
	return script.String(), err
}

// quote returns text as one word of a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// bash runs a script in folder. An interrupt reaches the script from the terminal; this command waits for its end.
func bash(folder, script string) error {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // not Ignore, which the script would inherit
	command := exec.CommandContext(context.Background(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir, command.Stdin, command.Stdout, command.Stderr = folder, os.Stdin, os.Stdout, os.Stderr
	return command.Run()
}
