package contract

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"healthcare/platform/audit"
)

// booksDocument has an operation of each kind.
const booksDocument = `
openapi: 3.0.3
info: {title: Books, version: "1.0"}
tags: [{name: Books, x-order: 1}]
x-user-roles: {staff: All.}
x-audit-resources: {Shelf: {x-order: 2}, Book: {x-order: 1, patient: true}}
paths:
  /books/:
    get:
      operationId: listBooks
      tags: [Books]
      x-access: [staff]
      x-audit: Book
      x-list: {ordering: [name, year], default: -year, heavy: [author]}
      parameters:
        - {name: author, in: query, schema: {type: string, x-max-words: 3}}
      responses:
        "200":
          description: Fine.
          content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Book"}}}}
    post:
      operationId: addBook
      tags: [Books]
      x-access: authenticated
      x-body-limit: 1
      requestBody: &body
        content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}
      responses:
        "201":
          description: Fine.
          headers: {Location: {schema: {type: string}}}
          content: {application/json: {schema: {$ref: "#/components/schemas/Book"}}}
  /books/{id}/:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get: &versioned
      operationId: getBook
      tags: [Books]
      x-access: authenticated
      x-versioned: true
      responses: {"200": {description: Fine.}}
    patch: {<<: *versioned, operationId: changeBook, requestBody: *body}
    delete:
      operationId: removeBook
      tags: [Books]
      x-access: authenticated
      x-versioned: true
      responses: {"204": {description: Fine.}}
  /books/{id}/loan/:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    post: {<<: *versioned, operationId: borrowBook, requestBody: *body}
  /once/:
    post:
      operationId: once
      x-access: authenticated
      x-repeatable: false
      responses: {"204": {description: Fine.}, "401": {description: Own.}}
  /signin/:
    post:
      operationId: signIn
      x-access: public
      x-hashes: true
      requestBody: *body
      responses: {"200": {description: Fine.}}
components:
  schemas:
    Book:
      type: object
      properties:
        name: {type: string}
        id: {type: string}
        genre: {type: string, enum: [a], x-any-case: true}
        kind: {type: string, x-resources: true}
        role: {type: string, x-roles: true}
`

func newBooks(t *testing.T) (*Contract, *openapi3.T) {
	t.Helper()
	c, err := New("1.2.3", []byte(booksDocument))
	require.NoError(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(c.Document)
	require.NoError(t, err)
	return c, doc
}

// serverParts are the names of parameters, the statuses and the headers of successful responses of an operation.
type serverParts struct{ parameters, statuses, headers string }

func TestServerPartsOfOperations(t *testing.T) {
	_, doc := newBooks(t)
	for id, want := range map[string]serverParts{
		"GET /books/": {
			"author limit cursor ordering Prefer", "200 400 401 403 default",
			"Link Preference-Applied X-Total-Count X-Total-Count-Relation",
		},
		"POST /books/": {
			"Prefer Idempotency-Key", "201 400 401 409 410 422 default", "Idempotent-Replayed Location Warning",
		},
		"GET /books/{id}/":    {"id If-None-Match", "200 304 400 401 default", "ETag"},
		"PATCH /books/{id}/":  {"id If-Match Prefer", "200 400 401 412 428 default", "ETag Warning"},
		"DELETE /books/{id}/": {"id If-Match", "204 400 401 412 428 default", ""},
		"POST /books/{id}/loan/": {
			"id If-Match Prefer Idempotency-Key", "200 400 401 409 410 412 422 428 default",
			"ETag Idempotent-Replayed Warning",
		},
		"POST /once/":   {"", "204 400 401 default", ""},
		"POST /signin/": {"Prefer", "200 400 default", "Warning"},
	} {
		t.Run(id, func(t *testing.T) {
			method, route, _ := strings.Cut(id, " ")
			require.Empty(t, doc.Paths.Value(route).Parameters)
			op := doc.Paths.Value(route).GetOperation(method)
			var parameters, statuses, headers []string
			for _, p := range op.Parameters {
				parameters = append(parameters, p.Value.Name)
			}
			for status, response := range op.Responses.Map() {
				statuses = append(statuses, status)
				for name := range response.Value.Headers {
					if status[0] == '2' {
						headers = append(headers, name)
					}
				}
			}
			slices.Sort(statuses)
			slices.Sort(headers)
			require.Equal(t, want, serverParts{
				strings.Join(parameters, " "), strings.Join(statuses, " "), strings.Join(headers, " "),
			})
			require.Equal(t, id != "POST /signin/", op.Security != nil)
		})
	}
	require.Equal(t, "Own.", *doc.Paths.Value("/once/").Post.Responses.Value("401").Value.Description)
}

func TestTheOrderOfAListIsDescribed(t *testing.T) {
	_, doc := newBooks(t)
	ordering := doc.Paths.Value("/books/").Get.Parameters.GetByInAndName("query", "ordering")
	require.False(t, *ordering.Explode)
	require.Equal(t, []any{"-year"}, ordering.Example)
	columns := ordering.Schema.Value
	require.Equal(t, []any{"-year"}, columns.Default)
	require.True(t, columns.UniqueItems)
	require.Equal(t, uint64(4), *columns.MaxItems)
	require.Equal(t, []any{"name", "-name", "year", "-year"}, columns.Items.Value.Enum)
}

func TestOperations(t *testing.T) {
	c, _ := newBooks(t)
	list, add := c.Operations["GET /books/"], c.Operations["POST /books/"]
	signIn, once := c.Operations["POST /signin/"], c.Operations["POST /once/"]
	rules := &ListRules{Ordering: []string{"name", "year"}, Default: "-year", Heavy: []string{"author"}}
	require.Equal(t, rules, list.List)
	require.Nil(t, add.List)
	require.True(t, list.ReturnsArray)
	require.False(t, add.ReturnsArray)
	require.False(t, once.ReturnsArray)
	require.Len(t, list.Query, 4)
	most, limited := MaxWords(list.Query["author"])
	require.Equal(t, 3, most)
	require.True(t, limited)
	_, limited = MaxWords(list.Query["limit"])
	require.False(t, limited)
	require.Equal(t, audit.Resource("Book"), list.Resource)
	require.Equal(t, map[audit.Resource]Resource{"Book": {OfPatient: true}, "Shelf": {}}, withoutPlatform(c))

	require.Equal(t, 1, add.BodyLimit)
	require.True(t, add.TakesBody)
	require.False(t, list.TakesBody)
	require.Equal(t, map[string]bool{"name": true, "id": true, "genre": true, "kind": true, "role": true}, add.Known)
	require.True(t, signIn.Hashes)
	require.False(t, add.Hashes)
	require.True(t, add.Repeatable)
	for _, op := range []*Operation{list, once, signIn, c.Operations["PATCH /books/{id}/"]} {
		require.False(t, op.Repeatable, op.ID)
	}
	require.True(t, c.Operations["GET /livez"].Platform)
	require.True(t, c.Operations["GET /openapi.json"].Platform)
	require.False(t, list.Platform)
	require.Equal(t, "/books/", c.Operations["PATCH /books/{id}/"].Collection())
}

// withoutPlatform returns the resources that a module declares.
func withoutPlatform(c *Contract) map[audit.Resource]Resource {
	own := map[audit.Resource]Resource{}
	for name, resource := range c.Resources {
		if name == "Book" || name == "Shelf" {
			own[name] = resource
		}
	}
	return own
}

func TestEnumsOfPublishedSchemas(t *testing.T) {
	_, doc := newBooks(t)
	members := doc.Components.Schemas["Book"].Value.Properties
	require.Equal(t, []any{"Book", "Shelf"}, members["kind"].Value.Enum)
	require.Equal(t, []any{"staff"}, members["role"].Value.Enum)
	require.Empty(t, members["name"].Value.Enum)
	require.True(t, AnyCase(members["genre"].Value))
	require.False(t, AnyCase(members["name"].Value))
	require.NotContains(t, members["kind"].Value.Extensions, enumerateExtension)
	require.NotContains(t, members["role"].Value.Extensions, rolesExtension)
}

func TestThePublishedDocument(t *testing.T) {
	c, doc := newBooks(t)
	require.Equal(t, "1.2.3", doc.Info.Version)
	require.True(t, json.Valid(c.Document))
	require.True(t, bytes.HasPrefix(c.Document, []byte(`{"openapi":`)))
	list, one := bytes.Index(c.Document, []byte(`"/books/":`)), bytes.Index(c.Document, []byte(`"/books/{id}/":`))
	require.Less(t, list, one)
	require.Less(t, bytes.Index(c.Document, []byte(`"addBook"`)), bytes.Index(c.Document, []byte(`"listBooks"`)))
	require.NotContains(t, string(c.Document), orderExtension)
	again, err := New("1.2.3", []byte(booksDocument))
	require.NoError(t, err)
	require.Same(t, c, again, "the contract of equal documents is cached")
}

func TestRejectsDocumentsThatAreNotYAML(t *testing.T) {
	_, err := Roles([]byte("a: [b"))
	require.Error(t, err)
	var out bytes.Buffer
	require.Error(t, writeOrdered(&out, map[string]any{"a": []any{func() {}}}))
}
