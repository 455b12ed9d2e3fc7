package main

import (
	"strings"
	"testing"
)

// Every task of the repository must be within the part of go-task's format that this command understands.
func TestTaskfile(t *testing.T) {
	file, err := read("../../Taskfile.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, task := range file.Tasks {
		if task.Description == "" && name != "default" {
			t.Errorf("%s has no description", name)
		}
		for _, command := range append(task.Commands, task.Command) {
			if _, err := expand(command, file.Vars); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestArguments(t *testing.T) {
	names, vars, rest := split(strings.Split("a B=c=d e -- -run X'Y f=g", " "))
	if strings.Join(names, " ") != "a e" || vars["B"] != "c=d" || rest != `'-run' 'X'\''Y' 'f=g'` {
		t.Errorf("%q %q %s", names, vars, rest)
	}
}

func TestExpand(t *testing.T) {
	for command, expected := range map[string]string{
		`x {{.CLI_ARGS}}`:                           "x ",
		`x {{shellQuote .NAME}}`:                    `x 'a'\''b'`,
		`x {{.FOR | default "1m"}}`:                 "x 1m",
		`x {{.NAME | default "1m"}}`:                "x a'b",
		`{{if .NAME}}y{{end}}{{if .OTHER}}n{{end}}`: "y",
	} {
		if script, err := expand(command, map[string]string{"NAME": "a'b"}); err != nil || script != expected {
			t.Errorf("%s: %q %v", command, script, err)
		}
	}
}
