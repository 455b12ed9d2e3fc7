package main

import (
	"bytes"
	"encoding/json"

	"github.com/spf13/cobra"

	"healthcare/cmd/internal/composition"
	"healthcare/platform/contract"
)

func openapiCommand() *cobra.Command {
	var asPostman bool
	command := &cobra.Command{
		Use: "openapi", Args: cobra.NoArgs,
		Short: "Print the OpenAPI document that the server returns at /openapi.json",
		Long: "Print the OpenAPI document of all modules, as the server returns it at /openapi.json.\n" +
			"It needs no configuration and no database.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			write := describe
			if asPostman {
				write = describeForPostman
			}
			document, err := write(programVersion())
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(document)
			return err
		},
	}
	command.Flags().BoolVar(&asPostman, "postman", false, "print a Postman collection (2.1) of it instead")
	return command
}

// describe returns the document of the whole program, indented. Errors: those of contract.Merge.
func describe(version string) ([]byte, error) {
	document, err := contract.Merge(version, composition.Documents()...)
	if err != nil {
		return nil, err
	}
	published, err := contract.Publish(document)
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, published, "", "  "); err != nil {
		return nil, err
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// describeForPostman returns the document as a Postman collection. Errors: those of contract.Merge.
func describeForPostman(version string) ([]byte, error) {
	document, err := contract.Merge(version, composition.Documents()...)
	if err != nil {
		return nil, err
	}
	return postman(document)
}
