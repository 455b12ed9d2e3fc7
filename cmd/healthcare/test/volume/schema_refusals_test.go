package volume

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// With strict handling, the service rejects every value that the document does not allow, and names the field. The
// cases are generated from every constraint of every body and query.
func TestValuesOutsideTheSchemaAreRejected(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c, callerOf := s.NewUserWithRole(t, auth.Admin, "Asha"), map[auth.Role]*harness.Client{}
		for role, name := range map[auth.Role]string{"auditor": "Uma", "privacy": "Mira"} {
			callerOf[role] = s.NewUserWithRole(t, role, name)
		}
		patient := c.AddPatient()
		known := c.KnownValues()
		known["patient"] = patient
		cases, routes := 0, map[string]harness.Route{}
		for _, r := range s.Routes() {
			routes[r.String()] = r
		}
		for path, item := range s.Document.Paths.Map() {
			for method, op := range item.Operations() {
				c := c
				if r := (harness.Route{Operation: op}); !r.Allows(auth.Admin) && !r.IsPublic() {
					c = callerOf[routes[path+" "+method].Role()]
					require.NotNil(t, c, "%s %s", method, path)
				}
				at := path
				if r, ok := routes[path+" "+method]; ok {
					at, _, _ = strings.Cut(r.PathOf(known), "?")
				}
				if op.RequestBody != nil {
					schema := op.RequestBody.Value.Content.Get("application/json").Schema.Value
					for name, property := range schema.Properties {
						for _, wrong := range invalidValues(property.Value) {
							body := exampleBody(schema, known, path)
							body[name] = wrong
							a := c.Do(method, at, body, "Prefer", "handling=strict")
							require.Equal(t, 400, a.Status, "%s %s %v: %s", method, path, body, a.Body)
							if name == "token" && strings.HasSuffix(path, "/confirm/") { // of another code
								continue
							}
							p := a.ExpectProblem(400, "validation_failed")
							require.Contains(t, p.Errors, name, "%s %s %s=%v", method, path, name, wrong)
							cases++
						}
					}
					for _, name := range schema.Required {
						body := exampleBody(schema, known, path)
						delete(body, name)
						require.Contains(t, c.Do(method, at, body).ExpectProblem(400, "validation_failed").Errors, name)
						cases++
					}
				}
				for _, parameter := range op.Parameters {
					if parameter.Value.In != openapi3.ParameterInQuery {
						continue
					}
					for _, wrong := range invalidValues(parameter.Value.Schema.Value) {
						if text, isText := wrong.(string); isText || parameter.Value.Schema.Value.Type.Is("integer") &&
							wrong != nil {
							query := fmt.Sprintf("?%s=%v", parameter.Value.Name, wrong)
							if isText {
								query = "?" + parameter.Value.Name + "=" + text
							}
							answer := c.Do(method, strings.ReplaceAll(at, "{patient_id}", patient)+query, nil)
							require.Contains(t, answer.ExpectProblem(400, "validation_failed").Errors,
								parameter.Value.Name, query)
							cases++
						}
					}
				}
			}
		}
		require.Greater(t, cases, 100)
	})
}

// exampleBody returns a valid body of a path: the example of the schema, and known values or examples of missing
// required members.
func exampleBody(schema *openapi3.Schema, known object, path string) object {
	body := object{}
	if example, ok := schema.Example.(map[string]any); ok {
		maps.Copy(body, example)
	}
	for _, name := range schema.Required {
		member := schema.Properties[name].Value
		switch {
		case body[name] != nil:
		case member.Format == "uuid" && known[name] != nil:
			body[name] = known[name]
		case known[path+" "+name] != nil:
			body[name] = known[path+" "+name]
		case member.Example != nil:
			body[name] = member.Example
		}
	}
	if schema.Properties["age"] != nil && body["age"] == nil {
		body["age"] = 31 // or a birth date, which the schema cannot require
	}
	return body
}

// invalidValues returns values that a schema does not allow, among them those next to its bounds.
func invalidValues(schema *openapi3.Schema) (wrong []any) {
	if !schema.Nullable {
		wrong = append(wrong, nil)
	}
	switch {
	case schema.Type.Is("integer"):
		wrong = append(wrong, 1.5, "one")
		if schema.Min != nil {
			wrong = append(wrong, int(*schema.Min)-1)
		}
		if schema.Max != nil {
			wrong = append(wrong, int(*schema.Max)+1)
		}
	case schema.Type.Is("array"):
		return []any{"nonsense"}
	default:
		wrong = append(wrong, 7, object{}, []any{})
		if schema.MaxLength != nil {
			wrong = append(wrong, strings.Repeat("a", int(*schema.MaxLength)+1))
		}
		if schema.MinLength > 1 {
			wrong = append(wrong, strings.Repeat("a", int(schema.MinLength)-1))
		} else if schema.MinLength == 1 {
			wrong = append(wrong, "")
		}
		if schema.Format != "" && schema.Format != "password" || len(schema.Enum) > 0 {
			wrong = append(wrong, "nonsense")
		}
	}
	return wrong
}
