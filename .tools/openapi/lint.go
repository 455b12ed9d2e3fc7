// Command lint checks an OpenAPI document against a ruleset and fails on any finding. It calls a linter that is
// published as a library. Go's ./... excludes this folder: its dependencies are in .tools/openapi.mod, not in go.mod.
//
//	go run -modfile=.tools/openapi.mod .tools/openapi/lint.go .openapi-lint.yaml document.json
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/speakeasy-api/openapi/linter"
	"github.com/speakeasy-api/openapi/openapi"
	openapilinter "github.com/speakeasy-api/openapi/openapi/linter"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: lint RULESET DOCUMENT")
		os.Exit(2)
	}
	if err := lint(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func lint(ctx context.Context, ruleset, path string) error {
	config, err := linter.LoadConfigFromFile(ruleset)
	if err != nil {
		return fmt.Errorf("%s: %w", ruleset, err)
	}
	rules, err := openapilinter.NewLinter(config)
	if err != nil {
		return err
	}
	for _, entry := range config.Rules { // a misspelt exception would have no effect
		if _, ok := rules.Registry().GetRule(entry.ID); !ok {
			return fmt.Errorf("%s: there is no rule %q", ruleset, entry.ID)
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	document, invalid, err := openapi.Unmarshal(ctx, file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	found, err := rules.Lint(ctx, linter.NewDocumentInfo(document, path), invalid, nil)
	if err != nil {
		return err
	}
	if len(found.Results) > 0 {
		fmt.Println(found.FormatText())
		return errors.New("the contract does not lint clean")
	}
	return nil
}
