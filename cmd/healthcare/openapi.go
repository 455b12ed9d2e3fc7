package main

import (
	"bytes"
	"encoding/json"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/spf13/cobra"
	"go.uber.org/fx"

	"healthcare/cmd/internal/composition"
	"healthcare/platform/auth"
	"healthcare/platform/config"
	"healthcare/platform/contract"
	"healthcare/platform/database"
	"healthcare/platform/rest"
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

// describe returns the document of the whole program, indented. Errors: those of wholeContract.
func describe(version string) ([]byte, error) {
	document, err := wholeContract(version)
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

// describeForPostman returns the document as a Postman collection. Errors: those of wholeContract.
func describeForPostman(version string) ([]byte, error) {
	document, err := wholeContract(version)
	if err != nil {
		return nil, err
	}
	return postman(document)
}

// unusedSecret completes a graph that is built and never started.
const unusedSecret config.Secret = "not a secret: this graph is never started" // #nosec G101 -- protects nothing

// wholeContract returns the merged documents of all modules. It builds the program's graph, so that the modules are
// listed once, with a database that is not open: constructors must not use it. Nothing is started.
func wholeContract(version string) (document *openapi3.T, err error) {
	cfg, err := config.Default()
	if err != nil {
		return nil, err
	}
	cfg.SecretKey, cfg.AuditKey = unusedSecret, unusedSecret
	app := fx.New(
		composition.Configuration(cfg, programVersion()), composition.Parts(), fx.NopLogger, fx.Replace(&database.DB{}),
		fx.Invoke(fx.Annotate(func(roles auth.Roles, apis ...rest.API) (err error) {
			documents := make([][]byte, len(apis))
			for i, api := range apis {
				documents[i] = api.Document
			}
			document, err = contract.Merge(version, roles, documents...)
			return err
		}, fx.ParamTags(``, `group:"apis"`))),
	)
	if err := app.Err(); err != nil {
		return nil, err
	}
	return document, nil
}
