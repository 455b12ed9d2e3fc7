package contract

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

const kindsDocument = `
openapi: 3.0.3
info: {title: Kinds, version: "1.0"}
paths:
  /:
    post:
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                name: {type: string}
                id: {type: string, format: uuid}
                secret: {type: string, format: password}
                code: {type: string, x-exact: true}
                optional: {type: string, nullable: true}
                count: {type: integer}
      responses: {"200": {description: Done.}}
`

func TestExactMembers(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(kindsDocument))
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"id": true, "secret": true, "code": true}, exactMembers(doc.Paths.Value("/").Post))
}
