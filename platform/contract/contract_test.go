package contract

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// described returns the document of a module with one operation, with more YAML at its end.
func described(path, operation, more string) []byte {
	head := "openapi: 3.0.3\ninfo: {title: \"" + path + "\", version: \"1\"}\n"
	return []byte(head + "paths:\n  " + path + ":\n    get:\n      " +
		operation + "\n" + more)
}

const fine = `{operationId: %, x-access: public, responses: {"200": {description: Fine.}}}`

func operationNamed(id string) string { return strings.Replace(fine, "%", id, 1) }

func check(documents ...[]byte) error {
	_, err := New("test", documents...)
	return err
}

func TestNew(t *testing.T) {
	a := described("/a/", operationNamed("a"), "")
	require.NoError(t, check(a, described("/b/", operationNamed("b"), "")))

	with := func(more string) []byte { return described("/b/", operationNamed("b"), more) }
	schema := func(kind string) string { return "components: {schemas: {Thing: {type: " + kind + "}}}" }
	access := func(text string) []byte {
		operation := strings.Replace(operationNamed("a"), "public", text, 1)
		return described("/a/", operation, "x-user-roles: {staff: All.}")
	}
	for name, c := range map[string]struct {
		documents [][]byte
		want      string
	}{
		"an operation without x-access": {
			[][]byte{described("/a/", strings.Replace(operationNamed("a"), "x-access: public, ", "", 1), "")},
			"x-access",
		},
		"an unknown access":          {[][]byte{access("Public")}, "unknown access Public"},
		"an access that is not text": {[][]byte{access("true")}, "x-access"},
		"an access without a role":   {[][]byte{access("[]")}, "unknown access []"},
		"an access for a non-role":   {[][]byte{access("[staff, 7]")}, "7 is not the name of a role"},
		"an undeclared role": {
			[][]byte{access("[staff, ghost], x-audit: User")},
			"the role ghost is not declared under x-user-roles of a module (declared: ",
		},
		"roles without x-audit":  {[][]byte{access("[staff]")}, `the resource "" is not declared`},
		"an undeclared resource": {[][]byte{access("[staff], x-audit: Usr")}, `the resource "Usr" is not declared`},
		"a resource declared twice": {
			[][]byte{
				described("/a/", operationNamed("a"), "x-audit-resources: {Book: {}}"),
				with("x-audit-resources: {Book: {}}"),
			}, "Book is already declared",
		},
		"a role declared twice": {
			[][]byte{
				described("/a/", operationNamed("a"), "x-user-roles: {staff: All.}"),
				with("x-user-roles: {staff: All.}"),
			}, "staff is already declared",
		},
		"a malformed role":          {[][]byte{with("x-user-roles: {Two words: All.}")}, `"Two words" is not a name`},
		"roles that are a list":     {[][]byte{with("x-user-roles: [staff]")}, "x-user-roles: "},
		"a malformed resource":      {[][]byte{with("x-audit-resources: {a_book: {}}")}, `"a_book" is not a name`},
		"a body limit that is text": {[][]byte{access("public, x-body-limit: 8KiB")}, "x-body-limit"},
		"a body limit of zero":      {[][]byte{access("public, x-body-limit: 0")}, "x-body-limit"},
		"two modules with one path": {
			[][]byte{a, described("/a/", operationNamed("other"), "")}, "path /a/ is another module's",
		},
		"paths that differ by a slash": {
			[][]byte{a, described("/a", operationNamed("other"), "")}, "path /a is another module's",
		},
		"paths that differ by the name of a parameter": {
			[][]byte{
				described("/a/{x}/", withParameter("a", "x"), ""), described("/a/{y}/", withParameter("b", "y"), ""),
			}, "path",
		},
		"the platform's path": {
			[][]byte{described("/livez", operationNamed("mine"), "")}, "path /livez is another module's",
		},
		"two operations with one id": {[][]byte{a, described("/b/", operationNamed("a"), "")}, "same operation id"},
		"two schemas with one name": {
			[][]byte{described("/a/", operationNamed("a"), schema("string")), with(schema("integer"))},
			"schema Thing is described differently",
		},
		"the platform's schema, described differently": {
			[][]byte{with("components: {schemas: {Problem: {type: string}}}")},
			"schema Problem is described differently",
		},
		"two problems with one code": {
			[][]byte{described("/a/", operationNamed("a"), "x-problems: {taken: A.}"), with("x-problems: {taken: B.}")},
			"problem taken is already described",
		},
		"the platform's problem": {
			[][]byte{with("x-problems: {not_found: Mine.}")}, "problem not_found is already described",
		},
		"two members of problems with one name": {
			[][]byte{
				described("/a/", operationNamed("a"), "x-problem-members: {free: {type: string}}"),
				with("x-problem-members: {free: {type: string}}"),
			}, "x-problem-members: free is already declared",
		},
		"a member of every problem": {
			[][]byte{with("x-problem-members: {detail: {type: string}}")},
			"x-problem-members: detail is already declared",
		},
		"a member without a schema": {[][]byte{with("x-problem-members: {free: string}")}, "x-problem-members: free: "},
		"a member of an unknown schema": {
			[][]byte{with(`x-problem-members: {free: {$ref: "#/components/schemas/Missing"}}`)}, "Missing",
		},
		"a member of an invalid schema": {[][]byte{with("x-problem-members: {free: {type: any}}")}, "any"},
		"members that are a list":       {[][]byte{with("x-problem-members: [free]")}, "x-problem-members"},
		"a reference to another file": {
			[][]byte{refersTo("../../secrets.yaml#/components/schemas/Thing")}, "only the platform's document",
		},
		"a reference to another module": {
			[][]byte{refersTo("../../../other/internal/adapters/rest/openapi.yaml#/components/schemas/Thing")},
			"only the platform's document",
		},
		"a reference to another host": {
			[][]byte{refersTo("https://evil.test/openapi.yaml#/components/schemas/Thing")}, "only the platform's document",
		},
		"a reference to a missing schema": {[][]byte{refersTo("#/components/schemas/Missing")}, "Missing"},
		"a document that is not YAML":     {[][]byte{[]byte("{")}, "yaml"},
	} {
		t.Run("rejects "+name, func(t *testing.T) {
			require.ErrorContains(t, check(c.documents...), c.want)
			_, err := Merge("1", c.documents...)
			require.ErrorContains(t, err, c.want, "also for the command openapi")
		})
	}
	t.Run("accepts two equal schemas", func(t *testing.T) {
		require.NoError(t, check(described("/a/", operationNamed("a"), schema("string")), with(schema("string"))))
	})
	t.Run("accepts a reference to the platform's document", func(t *testing.T) {
		require.NoError(t, check(refersTo("../../../../../platform/contract/openapi.yaml#/components/schemas/Problem")))
	})
}

func withParameter(id, name string) string {
	return strings.Replace(
		operationNamed(id), "x-access",
		"parameters: [{name: "+name+", in: path, required: true, schema: {type: string}}], x-access", 1,
	)
}

func refersTo(reference string) []byte {
	return described(
		"/a/",
		strings.Replace(
			operationNamed("a"), "Fine.", `Fine., content: {application/json: {schema: {$ref: "`+reference+`"}}}`, 1,
		),
		"",
	)
}

func TestPublishSortsTheDocument(t *testing.T) {
	many := func(id, tag, more string) string {
		return "{operationId: " + id + ", tags: [" + tag +
			`], x-access: public, responses: {"200": {description: Fine.}}` + more + "}"
	}
	const parameters = ", parameters: [{name: X-B, in: header, schema: {type: string}}, " +
		"{name: a, in: query, schema: {type: string}}]"
	first := []byte(`
openapi: 3.0.3
info: {title: First, version: "1"}
tags: [{name: Zebras, x-order: 1}]
paths:
  /a/:
    x-order: 2
    get: ` + many("listA", "Zebras", parameters) + `
    post: ` + many("addA", "Zebras", "") + `
  /b/{id}/:
    x-order: 1
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    delete: ` + many("endB", "Zebras", "") + `
    get: ` + many("readB", "Zebras", parameters))
	second := described("/aa/", many("other", "Ants", ""), "tags: [{name: Ants, x-order: 2}]\n")
	var published [][]byte
	for _, documents := range [][][]byte{{first, second}, {second, first}} {
		doc, err := Merge("1", documents...)
		require.NoError(t, err)
		raw, err := Publish(doc)
		require.NoError(t, err)
		published = append(published, raw)
	}
	t.Run("by tags, then paths, then methods, then places of parameters", func(t *testing.T) {
		rest := string(published[0])
		for _, next := range []string{
			`"openapi"`, `"info"`, `"tags"`, "Zebras", "Ants", "Operation", `"paths"`, "/b/{id}/", "readB",
			`"name":"id"`, `"name":"a"`, `"name":"X-B"`, "endB", `"name":"id"`,
			"/a/", "addA", "listA", "/aa/", "/livez", "/metrics", `"components"`,
		} {
			_, after, found := strings.Cut(rest, next)
			require.True(t, found, "%s is missing or out of order in %s", next, published[0])
			rest = after
		}
		require.NotContains(t, string(published[0]), "x-order")
	})
	t.Run("independently of the order of the modules", func(t *testing.T) {
		require.Equal(t, string(published[0]), string(published[1]))
	})
}

func TestMergeListsTheDeclaredRoles(t *testing.T) {
	asking := described("/a/", strings.Replace(
		operationNamed("a"), "x-access",
		"parameters: [{name: role, in: query, schema: {type: string, x-roles: true}}], x-access", 1,
	),
		"x-user-roles: {staff: All., admin: Some.}\ncomponents: {schemas: {Thing: {type: object, properties: "+
			"{role: {type: string, nullable: true, x-roles: true}}}}}")
	doc, err := Merge("1", asking)
	require.NoError(t, err)
	roles := []any{"admin", "staff"}
	require.Equal(t, roles, doc.Paths.Value("/a/").Get.Parameters[0].Value.Schema.Value.Enum)
	require.Equal(
		t, append(roles, nil), doc.Components.Schemas["Thing"].Value.Properties["role"].Value.Enum,
		"null too, where it may be null",
	)
}

func TestMergeDescribesMembersOfProblems(t *testing.T) {
	seats := described("/a/", operationNamed("a"), `
x-problem-members: {free: {type: array, description: With taken., items: {$ref: "#/components/schemas/Seat"}}}
components: {schemas: {Seat: {type: object, properties: {row: {type: integer}}}}}
`)
	other := string(refersTo("../../../../../platform/contract/openapi.yaml#/components/schemas/Problem"))
	other = strings.NewReplacer("/a/", "/b/", "operationId: a", "operationId: b").Replace(other)
	c, err := New("test", seats, []byte(other))
	require.NoError(t, err, "the other module refers to the platform's schema")
	doc, err := openapi3.NewLoader().LoadFromData(c.Document)
	require.NoError(t, err)
	problem := doc.Components.Schemas["Problem"].Value
	require.Contains(t, problem.Properties, "free")
	require.Equal(t, "With taken.", problem.Properties["free"].Value.Description)
	require.NotContains(t, problem.Required, "free")
	require.NotContains(t, string(c.Document), "x-problem-members")
	taken := map[string]any{
		"type": "/problems/taken", "title": "Conflict", "status": 409, "code": "taken", "detail": "Taken.",
		"request_id": "1", "free": []any{map[string]any{"row": 1}},
	}
	require.NoError(t, problem.VisitJSON(taken))
	taken["free"] = "1"
	require.Error(t, problem.VisitJSON(taken))
	delete(taken, "free")
	require.NoError(t, problem.VisitJSON(taken), "members are optional")
	taken["undeclared"] = 1
	require.Error(t, problem.VisitJSON(taken))
}
