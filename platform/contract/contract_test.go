package contract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
)

var someRoles = auth.Roles{auth.Staff: {Role: auth.Staff}, auth.Admin: {Role: auth.Admin}}

// described is the document of a module with one operation, with more YAML at its end.
func described(path, operation, more string) []byte {
	return []byte("openapi: 3.0.3\ninfo: {title: \"" + path + "\", version: \"1\"}\npaths:\n  " + path + ":\n    get:\n      " +
		operation + "\n" + more)
}

const fine = `{operationId: %, x-access: public, responses: {"200": {description: Fine.}}}`

func operationNamed(id string) string { return strings.Replace(fine, "%", id, 1) }

func check(documents ...[]byte) error {
	_, err := New("test", someRoles, documents...)
	return err
}

func TestNew(t *testing.T) {
	a := described("/a/", operationNamed("a"), "")
	require.NoError(t, check(a, described("/b/", operationNamed("b"), "")))

	with := func(more string) []byte { return described("/b/", operationNamed("b"), more) }
	schema := func(kind string) string { return "components: {schemas: {Thing: {type: " + kind + "}}}" }
	for name, c := range map[string]struct {
		documents [][]byte
		says      string
	}{
		"over an operation that does not say who may call it": {[][]byte{described("/a/", strings.Replace(operationNamed("a"), "x-access: public, ", "", 1), "")}, "x-access"},
		"over an access nobody knows":                         {[][]byte{described("/a/", strings.Replace(operationNamed("a"), "public", "Public", 1), "")}, `unknown access Public`},
		"over an access that is not text":                     {[][]byte{described("/a/", strings.Replace(operationNamed("a"), "public", "true", 1), "")}, "x-access"},
		"over an access for no role":                          {[][]byte{described("/a/", strings.Replace(operationNamed("a"), "public", "[]", 1), "")}, "unknown access []"},
		"over an access for what is no role":                  {[][]byte{described("/a/", strings.Replace(operationNamed("a"), "public", "[staff, 7]", 1), "")}, "7 is not the name of a role"},
		"over an access for a role that nobody declares":      {[][]byte{described("/a/", strings.Replace(operationNamed("a"), "public", "[staff, ghost], x-audit: User", 1), "")}, "nobody declares the role ghost"},
		"over a body limit that is not a number":              {[][]byte{described("/a/", strings.Replace(operationNamed("a"), "public", "public, x-body-limit: 8KiB", 1), "")}, "x-body-limit"},
		"over a body limit of nothing":                        {[][]byte{described("/a/", strings.Replace(operationNamed("a"), "public", "public, x-body-limit: 0", 1), "")}, "x-body-limit"},
		"over two modules with one path":                      {[][]byte{a, described("/a/", operationNamed("other"), "")}, "path /a/ is another module's"},
		"over two modules with one path but for its slash":    {[][]byte{a, described("/a", operationNamed("other"), "")}, "path /a is another module's"},
		"over two modules with one path but for a parameter":  {[][]byte{described("/a/{x}/", withParameter("a", "x"), ""), described("/a/{y}/", withParameter("b", "y"), "")}, "path"},
		"over a module with the platform's path":              {[][]byte{described("/livez", operationNamed("mine"), "")}, "path /livez is another module's"},
		"over two operations with one id":                     {[][]byte{a, described("/b/", operationNamed("a"), "")}, "same operation id"},
		"over two schemas with one name":                      {[][]byte{described("/a/", operationNamed("a"), schema("string")), with(schema("integer"))}, "schema Thing is already described otherwise"},
		"over the platform's schema, described otherwise":     {[][]byte{with("components: {schemas: {Problem: {type: string}}}")}, "schema Problem is already described otherwise"},
		"over two problems with one code":                     {[][]byte{described("/a/", operationNamed("a"), "x-problems: {taken: A.}"), with("x-problems: {taken: B.}")}, "problem taken is already described"},
		"over the platform's problem":                         {[][]byte{with("x-problems: {not_found: Mine.}")}, "problem not_found is already described"},
		"over a reference to another file":                    {[][]byte{refersTo("../../secrets.yaml#/components/schemas/Thing")}, "only the platform's document"},
		"over a reference to another module":                  {[][]byte{refersTo("../../../other/internal/adapters/rest/openapi.yaml#/components/schemas/Thing")}, "only the platform's document"},
		"over a reference to another host":                    {[][]byte{refersTo("https://evil.test/openapi.yaml#/components/schemas/Thing")}, "only the platform's document"},
		"over a reference to nothing":                         {[][]byte{refersTo("#/components/schemas/Nothing")}, "Nothing"},
		"over what is not YAML":                               {[][]byte{[]byte("{")}, "unmarshal"},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorContains(t, check(c.documents...), c.says) })
	}
	t.Run("but not over two schemas that are the same", func(t *testing.T) {
		require.NoError(t, check(described("/a/", operationNamed("a"), schema("string")), with(schema("string"))))
	})
	t.Run("but not over a reference to the platform's document", func(t *testing.T) {
		require.NoError(t, check(refersTo("../../../../../platform/contract/openapi.yaml#/components/schemas/Problem")))
	})
}

func withParameter(id, name string) string {
	return strings.Replace(operationNamed(id), "x-access", "parameters: [{name: "+name+", in: path, required: true, schema: {type: string}}], x-access", 1)
}

func refersTo(reference string) []byte {
	return described("/a/", strings.Replace(operationNamed("a"), "Fine.", `Fine., content: {application/json: {schema: {$ref: "`+reference+`"}}}`, 1), "")
}

func TestTheDocumentHasAnOrder(t *testing.T) {
	many := func(id, tag, more string) string {
		return "{operationId: " + id + ", tags: [" + tag + `], x-access: public, responses: {"200": {description: Fine.}}` + more + "}"
	}
	first := []byte(`
openapi: 3.0.3
info: {title: First, version: "1"}
tags: [{name: Zebras, x-order: 1}]
paths:
  /a/:
    x-order: 2
    get: ` + many("listA", "Zebras", ", parameters: [{name: X-B, in: header, schema: {type: string}}, {name: a, in: query, schema: {type: string}}]") + `
    post: ` + many("addA", "Zebras", "") + `
  /b/{id}/:
    x-order: 1
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    delete: ` + many("endB", "Zebras", "") + `
    get: ` + many("readB", "Zebras", ", parameters: [{name: X-B, in: header, schema: {type: string}}, {name: a, in: query, schema: {type: string}}]"))
	second := described("/aa/", many("other", "Ants", ""), "tags: [{name: Ants, x-order: 2}]\n")
	var published [][]byte
	for _, documents := range [][][]byte{{first, second}, {second, first}} {
		doc, err := Merge("1", someRoles, documents...)
		require.NoError(t, err)
		raw, err := Publish(doc)
		require.NoError(t, err)
		published = append(published, raw)
	}
	t.Run("that of tags, then of paths, then of methods, then of places of parameters", func(t *testing.T) {
		rest := string(published[0])
		for _, next := range []string{
			`"openapi"`, `"info"`, `"tags"`, "Zebras", "Ants", "Operation", `"paths"`, "/b/{id}/", "readB", `"name":"id"`, `"name":"a"`, `"name":"X-B"`, "endB", `"name":"id"`,
			"/a/", "addA", "listA", "/aa/", "/livez", "/metrics", `"components"`,
		} {
			_, after, found := strings.Cut(rest, next)
			require.True(t, found, "%s comes after what precedes it in %s", next, published[0])
			rest = after
		}
		require.NotContains(t, string(published[0]), "x-order")
	})
	t.Run("whatever the order in which modules are given", func(t *testing.T) {
		require.Equal(t, string(published[0]), string(published[1]))
	})
}

func TestTheDocumentListsTheDeclaredRoles(t *testing.T) {
	asking := described("/a/", strings.Replace(operationNamed("a"), "x-access", "parameters: [{name: role, in: query, schema: {type: string, x-roles: true}}], x-access", 1),
		"components: {schemas: {Thing: {type: object, properties: {role: {type: string, nullable: true, x-roles: true}}}}}")
	doc, err := Merge("1", someRoles, asking)
	require.NoError(t, err)
	roles := []any{}
	for _, role := range someRoles.Names() {
		roles = append(roles, string(role))
	}
	require.Equal(t, roles, doc.Paths.Value("/a/").Get.Parameters[0].Value.Schema.Value.Enum)
	require.Equal(t, append(roles, nil), doc.Components.Schemas["Thing"].Value.Properties["role"].Value.Enum, "null too, where it may be null")
}
