package contract

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"healthcare/platform/auth"
)

// Extensions of OpenAPI that a module's document may use.
const (
	accessExtension    = "x-access"     // who may call the operation, as auth.ParseAccess reads it; mandatory
	auditExtension     = "x-audit"      // the audit.Resource of an operation; mandatory if x-access is a list of roles
	listExtension      = "x-list"       // a list: {ordering: [columns], default: -column, heavy: [parameters]}
	versionedExtension = "x-versioned"  // true: the operation creates, returns or changes one resource that has an ETag
	bodyLimitExtension = "x-body-limit" // the size of the operation's body, in bytes, below the server's limit
	enumerateExtension = "x-resources"  // of a schema, true: its enum lists the declared resources
	rolesExtension     = "x-roles"      // of a schema, true: its enum lists the declared roles
	anyCaseExtension   = "x-any-case"   // of a schema, true: values of its enum are accepted in any letter case
	maxWordsExtension  = "x-max-words"  // of a query parameter's schema: maximum number of different words

	// of a document: the roles of users that the module declares, with a sentence for people about each
	userRolesExtension = "x-user-roles"

	// of a document: the codes of the module's problems, with a sentence for people about each
	problemsExtension = "x-problems"

	// of a document: the extension members of the module's problems (RFC 9457, section 3.2), with a schema for each
	// whose description names the codes; they become optional properties of the schema Problem
	problemMembersExtension = "x-problem-members"

	// of a document: the kinds of records that the module's entries in the audit trail are about, such as
	// {Patient: {x-order: 1, patient: true}}; patient: true if each of them belongs to a patient
	resourcesExtension = "x-audit-resources"

	// of a tag, a path, a property or a declared resource: its place among its siblings; those without one follow by
	// name
	orderExtension = "x-order"

	// false: a POST of a signed-in user without an Idempotency-Key, because it cannot run in one transaction
	repeatableExtension = "x-repeatable"

	// true: the operation hashes a password, and waits for it in a separate queue
	hashesExtension = "x-hashes"

	// true: the operation computes, reads or writes so much that it takes a caller's share of heavy work, like a search
	heavyExtension = "x-heavy"

	// of a body's member, true: it is not converted from another type; the formats uuid and password need no mark
	exactExtension = "x-exact"
)

// Extensions of a body's members that the Postman collection uses.
const (
	VariableExtension = "x-variable" // the collection's variable that replaces the member's example
	UniqueExtension   = "x-unique"   // true: the value may exist only once, so a repeated run omits the member
)

// MaxOrdering is the maximum number of columns by which a list may be ordered.
const MaxOrdering = 4

// addServerParts adds the parameters and responses of the server itself, so that modules need not repeat them.
func addServerParts(method string, op *openapi3.Operation) {
	responses := map[string]string{"400": "Invalid", "default": "Problem"}
	if _, roles := op.Extensions[accessExtension].([]any); roles {
		responses["403"] = "Forbidden"
	}
	if op.Extensions[accessExtension] != auth.Public {
		responses["401"] = "Unauthenticated"
		op.Security = &openapi3.SecurityRequirements{{"bearer": {}}}
	}
	if rules := listRules(op); rules != nil {
		describeList(op, rules)
	}
	if op.Extensions[versionedExtension] == true {
		describeVersions(method, op, responses)
	}
	if op.RequestBody != nil {
		op.Parameters = append(op.Parameters, parameterRef("HandlingPreference"))
		addHeaders(op, "Warning")
	}
	if repeatable(method, op) {
		op.Parameters = append(op.Parameters, parameterRef("IdempotencyKey"))
		addHeaders(op, "Idempotent-Replayed")
		responses["409"], responses["410"], responses["422"] = "Conflict", "Gone", "Unprocessable"
	}
	for status, name := range responses {
		if op.Responses.Value(status) == nil {
			op.Responses.Set(status, &openapi3.ResponseRef{Ref: "#/components/responses/" + name})
		}
	}
}

// gatherParameters moves the path's parameters into its operations and sorts them: path, query, header. Tools append
// the path's parameters to the operation's, which would show a patient's id after an optional header.
func gatherParameters(item *openapi3.PathItem) {
	places := []string{openapi3.ParameterInPath, openapi3.ParameterInQuery, openapi3.ParameterInHeader}
	for _, op := range item.Operations() {
		op.Parameters = slices.Concat(item.Parameters, op.Parameters)
		slices.SortStableFunc(op.Parameters, func(a, b *openapi3.ParameterRef) int {
			return cmp.Compare(slices.Index(places, a.Value.In), slices.Index(places, b.Value.In))
		})
	}
	item.Parameters = nil
}

// enumerateRoles lists the declared roles in the schemas that are marked for them. A response may also contain a role
// whose module was removed.
func enumerateRoles(doc *openapi3.T, roles auth.Roles) {
	enumerate := func(schema *openapi3.Schema) {
		if schema.Extensions[rolesExtension] != true {
			return
		}
		delete(schema.Extensions, rolesExtension)
		for _, role := range roles.Names() {
			schema.Enum = append(schema.Enum, string(role))
		}
		if schema.Nullable {
			schema.Enum = append(schema.Enum, nil)
		}
	}
	for _, schema := range doc.Components.Schemas {
		for _, property := range schema.Value.Properties {
			enumerate(property.Value)
		}
	}
	for _, d := range InOrder(doc) {
		for _, parameter := range d.Operation.Parameters {
			enumerate(parameter.Value.Schema.Value)
		}
	}
}

func describeList(op *openapi3.Operation, rules *ListRules) {
	column := openapi3.NewStringSchema()
	for _, name := range rules.Ordering {
		column.Enum = append(column.Enum, name, "-"+name)
	}
	columns := openapi3.NewArraySchema().WithItems(column)
	columns.Default = []any{rules.Default}
	columns.UniqueItems, columns.MaxItems = true, new(uint64(MaxOrdering))
	explode := false
	ordering := openapi3.NewQueryParameter("ordering").WithSchema(columns).
		WithDescription("Columns to order by, each once and at most four, separated by commas " +
			"or in repeated parameters. A leading - means descending. Equal items are ordered by id.")
	ordering.Example = []any{rules.Default}
	ordering.Style, ordering.Explode = openapi3.SerializationForm, &explode
	op.Parameters = append(op.Parameters, parameterRef("Limit"), parameterRef("Cursor"),
		&openapi3.ParameterRef{Value: ordering}, parameterRef("CountPreference"))
	addHeaders(op, "Link", "X-Total-Count", "X-Total-Count-Relation", "Preference-Applied")
}

func describeVersions(method string, op *openapi3.Operation, responses map[string]string) {
	creates := method == http.MethodPost && op.Responses.Value("201") != nil
	switch {
	case method == http.MethodGet:
		op.Parameters = append(op.Parameters, parameterRef("IfNoneMatch"))
		responses["304"] = "NotModified"
	case !creates:
		op.Parameters = append(op.Parameters, parameterRef("IfMatch"))
		responses["412"], responses["428"] = "Stale", "Unconditional"
	}
	if method != http.MethodDelete {
		addHeaders(op, "ETag")
	}
}

func parameterRef(name string) *openapi3.ParameterRef {
	return &openapi3.ParameterRef{Ref: "#/components/parameters/" + name}
}

// addHeaders describes headers of the operation's successful responses.
func addHeaders(op *openapi3.Operation, names ...string) {
	for _, status := range []string{"200", "201", "204"} {
		response := op.Responses.Value(status)
		if response == nil {
			continue
		}
		own := *response.Value // other operations may share the description
		own.Headers = openapi3.Headers{}
		maps.Copy(own.Headers, response.Value.Headers)
		for _, name := range names {
			own.Headers[name] = &openapi3.HeaderRef{Ref: "#/components/headers/" + strings.ReplaceAll(name, "-", "")}
		}
		op.Responses.Set(status, &openapi3.ResponseRef{Value: &own})
	}
}
