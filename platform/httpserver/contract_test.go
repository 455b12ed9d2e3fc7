package httpserver

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/platform/audittest"
)

// described is a module of one operation, with more YAML at the document's end.
func described(path, operation, more string) API {
	document := "openapi: 3.0.3\ninfo: {title: \"" + path + "\", version: \"1\"}\npaths:\n  " + path + ":\n    get:\n      " + operation + "\n" + more
	return API{Document: []byte(document), Register: func(router fiber.Router) { router.Get(fiberPath(path), alive) }}
}

const fine = `{operationId: %, x-access: public, responses: {"200": {description: Fine.}}}`

func operationNamed(id string) string { return strings.Replace(fine, "%", id, 1) }

func start(apis ...API) error {
	_, err := New(Config{Version: "test", CursorKeys: keysOf(aSecret)}, zap.NewNop(), oneToken{}, someRoles, nil, nil, new(audittest.Recorder), unwatched(), apis...)
	return err
}

func TestRefusesToStart(t *testing.T) {
	a := described("/a/", operationNamed("a"), "")
	require.NoError(t, start(a, described("/b/", operationNamed("b"), "")))

	unrouted := a
	unrouted.Register = func(fiber.Router) {}
	undescribed := a
	undescribed.Register = func(router fiber.Router) {
		router.Get("/a/", alive)
		router.Delete("/a/", alive)
	}
	respelt := a
	respelt.Register = func(router fiber.Router) { router.Get("/a", alive) }
	with := func(more string) API { return described("/b/", operationNamed("b"), more) }
	schema := func(kind string) string { return "components: {schemas: {Thing: {type: " + kind + "}}}" }
	for name, c := range map[string]struct {
		apis []API
		says string
	}{
		"over an operation that does not say who may call it": {[]API{described("/a/", strings.Replace(operationNamed("a"), "x-access: public, ", "", 1), "")}, "x-access"},
		"over an access nobody knows":                         {[]API{described("/a/", strings.Replace(operationNamed("a"), "public", "Public", 1), "")}, `unknown access Public`},
		"over an access that is not text":                     {[]API{described("/a/", strings.Replace(operationNamed("a"), "public", "true", 1), "")}, "x-access"},
		"over an access for no role":                          {[]API{described("/a/", strings.Replace(operationNamed("a"), "public", "[]", 1), "")}, "unknown access []"},
		"over an access for what is no role":                  {[]API{described("/a/", strings.Replace(operationNamed("a"), "public", "[staff, 7]", 1), "")}, "7 is not the name of a role"},
		"over an access for a role that nobody declares":      {[]API{described("/a/", strings.Replace(operationNamed("a"), "public", "[staff, ghost], x-audit: User", 1), "")}, "nobody declares the role ghost"},
		"over a body limit that is not a number":              {[]API{described("/a/", strings.Replace(operationNamed("a"), "public", "public, x-body-limit: 8KiB", 1), "")}, "x-body-limit"},
		"over a body limit of nothing":                        {[]API{described("/a/", strings.Replace(operationNamed("a"), "public", "public, x-body-limit: 0", 1), "")}, "x-body-limit"},
		"over an operation that nobody handles":               {[]API{unrouted}, "GET /a/ is described but not routed"},
		"over a handler that nobody described":                {[]API{undescribed}, "DELETE /a/ is routed but not described"},
		"over a handler whose path is spelt otherwise":        {[]API{respelt}, "GET /a is routed but not described"},
		"over two modules with one path":                      {[]API{a, described("/a/", operationNamed("other"), "")}, "path /a/ is another module's"},
		"over two modules with one path but for its slash":    {[]API{a, described("/a", operationNamed("other"), "")}, "path /a is another module's"},
		"over two modules with one path but for a parameter":  {[]API{described("/a/{x}/", withParameter("a", "x"), ""), described("/a/{y}/", withParameter("b", "y"), "")}, "path"},
		"over a module with the platform's path":              {[]API{described("/livez", operationNamed("mine"), "")}, "path /livez is another module's"},
		"over two operations with one id":                     {[]API{a, described("/b/", operationNamed("a"), "")}, "same operation id"},
		"over two schemas with one name":                      {[]API{described("/a/", operationNamed("a"), schema("string")), with(schema("integer"))}, "schema Thing is already described otherwise"},
		"over the platform's schema, described otherwise":     {[]API{with("components: {schemas: {Problem: {type: string}}}")}, "schema Problem is already described otherwise"},
		"over two problems with one code":                     {[]API{described("/a/", operationNamed("a"), "x-problems: {taken: A.}"), with("x-problems: {taken: B.}")}, "problem taken is already described"},
		"over the platform's problem":                         {[]API{with("x-problems: {not_found: Mine.}")}, "problem not_found is already described"},
		"over a reference to another file":                    {[]API{refersTo("../../secrets.yaml#/components/schemas/Thing")}, "only the platform's document"},
		"over a reference to another module":                  {[]API{refersTo("../../../other/internal/adapters/rest/openapi.yaml#/components/schemas/Thing")}, "only the platform's document"},
		"over a reference to another host":                    {[]API{refersTo("https://evil.test/openapi.yaml#/components/schemas/Thing")}, "only the platform's document"},
		"over a reference to nothing":                         {[]API{refersTo("#/components/schemas/Nothing")}, "Nothing"},
		"over what is not YAML":                               {[]API{{Document: []byte("{")}}, "contract"},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorContains(t, start(c.apis...), c.says) })
	}
	t.Run("but not over two schemas that are the same", func(t *testing.T) {
		require.NoError(t, start(described("/a/", operationNamed("a"), schema("string")), with(schema("string"))))
	})
	t.Run("but not over a reference to the platform's document", func(t *testing.T) {
		require.NoError(t, start(refersTo("../../../../../platform/httpserver/openapi.yaml#/components/schemas/Problem")))
	})
}

func withParameter(id, name string) string {
	return strings.Replace(operationNamed(id), "x-access", "parameters: [{name: "+name+", in: path, required: true, schema: {type: string}}], x-access", 1)
}

func refersTo(reference string) API {
	return described("/a/", strings.Replace(operationNamed("a"), "Fine.", `Fine., content: {application/json: {schema: {$ref: "`+reference+`"}}}`, 1), "")
}

func TestContractIsServed(t *testing.T) {
	s := serve(t)
	a := s.ask(t, http.MethodGet, "/openapi.json", "")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	var document struct {
		Info  struct{ Version string }
		Paths map[string]struct {
			Get struct {
				Responses map[string]any
				Security  []map[string][]string
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &document))
	require.Equal(t, "test", document.Info.Version)
	t.Run("it holds every module's paths and the platform's", func(t *testing.T) {
		for _, path := range []string{"/things/", "/things/{id}/", "/small/", "/livez", "/readyz", "/openapi.json", "/problems/{code}"} {
			require.Contains(t, document.Paths, path)
		}
	})
	t.Run("it says what the server itself may answer, and where a token is wanted", func(t *testing.T) {
		open, closed := document.Paths["/things/"].Get, document.Paths["/things/{id}/"].Get
		for _, status := range []string{"400", "default"} {
			require.Contains(t, open.Responses, status)
			require.Contains(t, closed.Responses, status)
		}
		for _, status := range []string{"405", "408", "413", "414", "415", "421", "431", "500", "503"} {
			require.NotContains(t, open.Responses, status, "the default response is for these")
			require.NotContains(t, closed.Responses, status)
		}
		require.Contains(t, document.Paths["/readyz"].Get.Responses, "503", "not to be ready is an answer of its own")
		require.NotContains(t, open.Responses, "401")
		require.Contains(t, closed.Responses, "401")
		require.Equal(t, []map[string][]string{{"bearer": {}}}, closed.Security)
	})
	t.Run("it refers to nothing outside itself", func(t *testing.T) {
		require.NotContains(t, strings.ReplaceAll(a.body, `"$ref":"#/`, ""), "$ref")
	})
}

func TestTheDocumentHasAnOrder(t *testing.T) {
	many := func(id, tag, more string) string {
		return "{operationId: " + id + ", tags: [" + tag + `], x-access: public, responses: {"200": {description: Fine.}}` + more + "}"
	}
	first := API{Document: []byte(`
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
    get: ` + many("readB", "Zebras", ", parameters: [{name: X-B, in: header, schema: {type: string}}, {name: a, in: query, schema: {type: string}}]"))}
	second := described("/aa/", many("other", "Ants", ""), "tags: [{name: Ants, x-order: 2}]\n")
	var published [][]byte
	for _, apis := range [][]API{{first, second}, {second, first}} {
		doc, err := Document("1", someRoles, apis...)
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
	doc, err := Document("1", someRoles, asking)
	require.NoError(t, err)
	roles := []any{}
	for _, role := range someRoles.Names() {
		roles = append(roles, string(role))
	}
	require.Equal(t, roles, doc.Paths.Value("/a/").Get.Parameters[0].Value.Schema.Value.Enum)
	require.Equal(t, append(roles, nil), doc.Components.Schemas["Thing"].Value.Properties["role"].Value.Enum, "null too, where it may be null")
}
