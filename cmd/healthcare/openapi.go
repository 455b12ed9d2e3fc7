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
		Use: "openapi", Short: "Print the OpenAPI document that the server answers at /openapi.json", Args: cobra.NoArgs,
		Long: "Print the OpenAPI document of all modules, as the server answers it at /openapi.json. It needs no configuration and no database.",
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

// describe is the document of the whole program, indented. Errors: as for wholeContract.
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

// describeForPostman is the same as a Postman collection. Errors: as for wholeContract.
func describeForPostman(version string) ([]byte, error) {
	document, err := wholeContract(version)
	if err != nil {
		return nil, err
	}
	return postman(document)
}

// unusedSecret completes a graph that is built and never started.
const unusedSecret config.Secret = "seals nothing: this program answers nobody"

// wholeContract merges what every module describes. It builds the program's graph, so that nobody lists the modules twice, over a
// database that nobody opens: constructors must not ask it. Nothing is started.
func wholeContract(version string) (document *openapi3.T, err error) {
	cfg, err := config.Default()
	if err != nil {
		return nil, err
	}
	cfg.SecretKey, cfg.AuditKey = unusedSecret, unusedSecret
	app := fx.New(composition.Configuration(cfg, programVersion()), composition.Parts(), fx.NopLogger, fx.Replace(&database.DB{}),
		fx.Invoke(fx.Annotate(func(roles auth.Roles, apis ...rest.API) (err error) {
			documents := make([][]byte, len(apis))
			for i, api := range apis {
				documents[i] = api.Document
			}
			document, err = contract.Merge(version, roles, documents...)
			return err
		}, fx.ParamTags(``, `group:"apis"`))))
	if err := app.Err(); err != nil {
		return nil, err
	}
	return document, nil
}
