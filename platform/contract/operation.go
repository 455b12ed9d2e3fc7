package contract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// Operation is the part of an operation's description that the server needs.
type Operation struct {
	ID        string // the operationId
	Method    string
	Route     string // the path template, such as /api/patients/{id}/
	Access    auth.Access
	Resource  audit.Resource // the kind of record in audit entries; "" for an operation that names no roles
	Platform  bool           // an operation of the server itself, whose responses are small or equal for all clients
	TakesBody bool
	Hashes    bool // hashes a password
	Heavy     bool // computes, reads or writes as much as a search
	BodyLimit int  // bytes; 0: the server's limit

	List          *ListRules // nil: not a list
	Query         Parameters
	RequiredQuery []string         // names of query parameters
	ReturnsArray  bool             // in one page or in several pages
	Repeatable    bool             // takes an Idempotency-Key
	Body          *openapi3.Schema // nil: none
	Exact         map[string]bool  // members of the body that are not converted from another type
	Known         map[string]bool  // members of the body and of the response; the latter are ignored in a body
}

// ListRules are the contents of x-list.
type ListRules struct {
	Ordering []string // columns that the list may be ordered by
	Default  string   // the default order, such as -created_at
	Heavy    []string // filters other than search that may read many rows for a page
}

// Parameters are the query parameters that an operation describes, by name.
type Parameters map[string]*openapi3.Schema

// Collection returns the operation's path up to its first parameter. It contains no text of a client.
func (o *Operation) Collection() string {
	before, _, _ := strings.Cut(o.Route, "{")
	return before
}

func newOperation(
	method, route string, described *openapi3.Operation, roles auth.Roles, resources map[audit.Resource]Resource,
) (*Operation, error) {
	access, err := auth.ParseAccess(described.Extensions[accessExtension])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", accessExtension, err)
	}
	for _, role := range access.Roles() {
		if _, declared := roles[role]; !declared {
			return nil, fmt.Errorf("%s: the role %s is not declared under %s of a module (declared: %s)",
				accessExtension, role, userRolesExtension, roles)
		}
	}
	about, _ := described.Extensions[auditExtension].(string)
	if _, declared := resources[audit.Resource(about)]; len(access.Roles()) > 0 && !declared {
		return nil, fmt.Errorf("%s: the resource %q is not declared under %s of a module",
			auditExtension, about, resourcesExtension)
	}
	op := &Operation{
		ID: described.OperationID, Method: method, Route: route, Access: access, Resource: audit.Resource(about),
		TakesBody: described.RequestBody != nil, Hashes: described.Extensions[hashesExtension] == true,
		Heavy: described.Extensions[heavyExtension] == true,
		List:  listRules(described), Query: queryParameters(described), RequiredQuery: requiredParameters(described),
		ReturnsArray: returnsArray(described),
		Repeatable:   repeatable(method, described), Body: bodySchema(described), Exact: exactMembers(described),
		Known: knownMembers(described),
	}
	op.Platform = slices.ContainsFunc(
		described.Tags, func(tag string) bool { return tag == "Operation" || tag == "Tooling" },
	)
	if value, ok := described.Extensions[bodyLimitExtension]; ok {
		limit, _ := value.(float64)
		if limit < 1 {
			return nil, fmt.Errorf("%s: %v is not a number of bytes", bodyLimitExtension, value)
		}
		op.BodyLimit = int(limit)
	}
	return op, nil
}

func listRules(op *openapi3.Operation) *ListRules {
	declared, ok := op.Extensions[listExtension].(map[string]any)
	if !ok {
		return nil
	}
	rules := &ListRules{Ordering: texts(declared["ordering"]), Heavy: texts(declared["heavy"])}
	rules.Default, _ = declared["default"].(string)
	return rules
}

func texts(list any) (all []string) {
	values, _ := list.([]any)
	for _, value := range values {
		if text, ok := value.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// requiredParameters returns the names of the query parameters that a request must have.
func requiredParameters(op *openapi3.Operation) (names []string) {
	for _, p := range op.Parameters {
		if p.Value.In == openapi3.ParameterInQuery && p.Value.Required {
			names = append(names, p.Value.Name)
		}
	}
	return names
}

func queryParameters(op *openapi3.Operation) Parameters {
	described := Parameters{}
	for _, p := range op.Parameters {
		if p.Value.In == openapi3.ParameterInQuery {
			described[p.Value.Name] = p.Value.Schema.Value
		}
	}
	return described
}

// repeatable reports whether clients may send an Idempotency-Key: with every POST of a signed-in user that does not
// exclude it.
func repeatable(method string, op *openapi3.Operation) bool {
	return method == http.MethodPost && op.Extensions[accessExtension] != auth.Public &&
		op.Extensions[repeatableExtension] != false
}

// bodySchema returns the schema of an operation's body, or nil if it takes none.
func bodySchema(op *openapi3.Operation) *openapi3.Schema {
	if op.RequestBody == nil {
		return nil
	}
	return jsonSchema(op.RequestBody.Value.Content)
}

func responseSchema(op *openapi3.Operation, status string) *openapi3.Schema {
	response := op.Responses.Value(status)
	if response == nil {
		return nil
	}
	return jsonSchema(response.Value.Content)
}

func jsonSchema(content openapi3.Content) *openapi3.Schema {
	media := content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil
	}
	return media.Schema.Value
}

// exactMembers returns the members of an operation's body that are not converted from another type.
func exactMembers(op *openapi3.Operation) map[string]bool {
	exact := map[string]bool{}
	if body := bodySchema(op); body != nil {
		for name, property := range body.Properties {
			schema := property.Value
			if schema.Format == "uuid" || schema.Format == "password" || schema.Extensions[exactExtension] == true {
				exact[name] = true
			}
		}
	}
	return exact
}

// knownMembers returns the members that the operation's body and its response describe.
func knownMembers(op *openapi3.Operation) map[string]bool {
	known := map[string]bool{}
	for _, schema := range []*openapi3.Schema{bodySchema(op), responseSchema(op, "200"), responseSchema(op, "201")} {
		if schema != nil {
			for name := range schema.Properties {
				known[name] = true
			}
		}
	}
	return known
}

func returnsArray(op *openapi3.Operation) bool {
	schema := responseSchema(op, "200")
	return schema != nil && schema.Type.Is("array")
}

// AnyCase reports whether the values of a schema's enum are accepted in any letter case.
func AnyCase(schema *openapi3.Schema) bool { return schema.Extensions[anyCaseExtension] == true }

// MaxWords returns the maximum number of different words in a value, if it is limited.
func MaxWords(schema *openapi3.Schema) (most int, limited bool) {
	number, limited := schema.Extensions[maxWordsExtension].(float64)
	return int(number), limited
}
