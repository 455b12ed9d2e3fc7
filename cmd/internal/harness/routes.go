package harness

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"healthcare/modules/doctors"
	"healthcare/platform/auth"
)

// Requests are derived from the contract, so that a route, a parameter, a member of a body or a column that
// is added later is covered without an edit.

// Route is one described operation.
type Route struct {
	Method, Path string
	Operation    *openapi3.Operation
	Parameters   openapi3.Parameters // the path's and the operation's
	Expectation                      // of its module, empty for an operation of a test
	examples     Object              // of every member that any schema gives one for
}

// Routes returns all operations of the API in a fixed order, without those for operators and documents.
func (s *Service) Routes() []Route { return slices.Clone(s.routes) }

func (s *Service) findRoutes() (all []Route) {
	examples := s.examples()
	for path, item := range s.Document.Paths.Map() {
		if !strings.HasPrefix(path, "/api/") {
			continue
		}
		for method, op := range item.Operations() {
			r := Route{Method: method, Path: path, Operation: op, examples: examples}
			r.Parameters, r.Expectation = slices.Concat(item.Parameters, op.Parameters), s.expectations[r.String()]
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Route) int { return strings.Compare(a.String(), b.String()) })
	return all
}

func (s *Service) examples() Object {
	examples := Object{}
	for _, name := range slices.Sorted(maps.Keys(s.Document.Components.Schemas)) {
		for member, schema := range s.Document.Components.Schemas[name].Value.Properties {
			if examples[member] == nil && schema.Value.Example != nil {
				examples[member] = schema.Value.Example
			}
		}
	}
	return examples
}

// WithBody returns the routes that accept a body.
func WithBody(all []Route) []Route {
	return slices.DeleteFunc(slices.Clone(all), func(r Route) bool { return r.Operation.RequestBody == nil })
}

// String returns the path and the method.
func (r Route) String() string { return r.Path + " " + r.Method }

// SuccessStatus returns the status of the described response to a successful request.
func (r Route) SuccessStatus() (success int) {
	for _, status := range []int{http.StatusAccepted, http.StatusOK, http.StatusCreated, http.StatusNoContent} {
		if r.Operation.Responses.Status(status) != nil {
			success = status
		}
	}
	return success
}

// TakesID reports whether the path has an id.
func (r Route) TakesID() bool { return strings.Contains(r.Path, "{") }

// PathWith returns the path with id in place of every id.
func (r Route) PathWith(id string) string {
	var path strings.Builder
	for i, part := range strings.Split(r.Path, "/") {
		if i > 0 {
			path.WriteByte('/')
		}
		if strings.HasPrefix(part, "{") {
			part = id
		}
		path.WriteString(part)
	}
	return path.String()
}

// PathOf returns the path with the known id of each record that it names, as the module's expectations declare it. The
// id of a record of an unknown kind is that of the patient.
func (r Route) PathOf(known Object) string {
	path := r.Path
	for _, declared := range r.IDs {
		if id, ok := known[declared.Of].(string); ok && declared.In == "path" {
			path = strings.Replace(path, "{"+declared.Name+"}", id, 1)
		}
	}
	r.Path = path
	return r.PathWith(r.PathID(known)) + r.requiredQuery(known)
}

// requiredQuery returns the query with the known ids of the required parameters, or "".
func (r Route) requiredQuery(known Object) string {
	query := url.Values{}
	for _, parameter := range r.Operation.Parameters {
		for _, declared := range r.IDs {
			p, id := parameter.Value, known[declared.Of]
			if p.Required && p.In == "query" && declared.In == "query" && declared.Name == p.Name && id != nil {
				query.Set(p.Name, id.(string))
			}
		}
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// CollectionPath returns the path up to the first id, which identifies the kind of record.
func (r Route) CollectionPath() string { return strings.Split(r.Path, "{")[0] }

// BodyMembers returns the members of the body in a fixed order.
func (r Route) BodyMembers() []string {
	if r.Operation.RequestBody == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(r.BodySchemas()))
}

// BodySchemas returns the schemas of the body's members.
func (r Route) BodySchemas() openapi3.Schemas {
	return r.bodySchema().Properties
}

func (r Route) bodySchema() *openapi3.Schema {
	return r.Operation.RequestBody.Value.Content.Get("application/json").Schema.Value
}

// boundMembers are optional members that are unique, or bound to another member.
var boundMembers = []string{
	"birth_date", "medical_record_number", "license_number", "practice", "hold", "hold_minutes",
}

// Body returns a body that the route accepts, empty if it accepts none. Members of known replace the examples: ids, and
// values that must be unique. A member of one route has a key such as "/api/patients/claims/ code".
func (r Route) Body(known Object) Object {
	body := Object{}
	for _, member := range r.BodyMembers() {
		value, there := r.knownValue(known, member)
		switch {
		case member == "practice" && r.TakesID():
			continue // only a new patient is shared in this way
		case there:
		case r.takesNewName(member):
			value = "Type " + uuid.NewString()
		case !slices.Contains(r.bodySchema().Required, member) &&
			slices.Contains(boundMembers, member):
			continue
		default:
			value = r.example(member)
		}
		body[member] = value
	}
	return body
}

// takesNewName reports whether the member's value must differ from those of all records, also of other users.
func (r Route) takesNewName(member string) bool {
	return member == "name" && r.Path == "/api/appointment-types/"
}

func (r Route) knownValue(known Object, member string) (value any, ok bool) {
	if value, ok = known[r.Path+" "+member]; ok {
		return value, ok
	}
	for _, id := range r.IDs {
		if value, ok = known[id.Of]; ok && id.String() == "body "+member {
			return value, ok
		}
	}
	value, ok = known[member]
	return value, ok
}

func (r Route) example(member string) any {
	schema := r.BodySchemas()[member].Value
	switch {
	case schema.Example != nil:
		return schema.Example
	case r.examples[member] != nil:
		return r.examples[member]
	case schema.Type.Is("integer"):
		return *schema.Min
	}
	return "1"
}

// ChangedBody returns a body like Body, with another value in every member that is not known, where one can be chosen.
func (r Route) ChangedBody(known Object) Object {
	body := r.Body(known)
	for member, value := range body {
		if _, isKnown := r.knownValue(known, member); !isKnown && !r.takesNewName(member) {
			body[member] = changedValue(r.BodySchemas()[member].Value, value)
		}
	}
	return body
}

// ChangedValue returns a valid value of the member that differs from its example.
func (r Route) ChangedValue(member string) any {
	return changedValue(r.BodySchemas()[member].Value, r.example(member))
}

func changedValue(schema *openapi3.Schema, value any) any {
	if all, isList := value.([]any); isList && len(all) > 0 && len(schema.Items.Value.Enum) > 0 {
		return all[1:]
	}
	switch number, isNumber := value.(float64); {
	case len(schema.Enum) > 0:
		other := slices.IndexFunc(schema.Enum, func(v any) bool { return v != value })
		return schema.Enum[max(other, 0)]
	case schema.Type.Is("boolean"):
		return value != true
	case isNumber && schema.Max != nil && number >= *schema.Max:
		return number - 1
	case isNumber:
		return number + 1
	case schema.Format == "date" && strings.HasPrefix(fmt.Sprint(value), "2099-"): // may not be in the past
		return "2099-12-31"
	case schema.Format == "date":
		return "1950-01-02"
	case schema.Format == "date-time":
		return "2126-01-02T03:04:00Z"
	case isFreeText(schema):
		if text, _ := value.(string); strings.Contains(text, "@") {
			return "changed@clinic.example"
		}
		return "Changed"
	}
	return value
}

// isFreeText reports whether the schema accepts a text of any form.
func isFreeText(schema *openapi3.Schema) bool {
	return schema.Type.Is("string") && schema.Format == "" && schema.Pattern == "" && len(schema.Enum) == 0
}

// PathID returns the known id of the record that the path names, as the module's expectations declare it.
func (r Route) PathID(known Object) string {
	for _, declared := range r.IDs {
		if id, ok := known[declared.Of].(string); ok && declared.In == "path" {
			return id
		}
	}
	return known[Patient].(string)
}

// Allows reports whether a user of that role may call the route, as the document has it.
func (r Route) Allows(role auth.Role) bool {
	access, err := auth.ParseAccess(r.Operation.Extensions["x-access"])
	return err == nil && access.Allows(role)
}

// CallingRole returns the role with which a user of that role can call the route.
func (r Route) CallingRole(role auth.Role) auth.Role {
	switch {
	case r.String() == "/api/emergency-access/ POST": // EMERGENCY_ACCESS is doctors
		return doctors.Role
	case !r.Allows(role):
		return r.Role()
	}
	return role
}

// IsPublic reports whether the route needs no token.
func (r Route) IsPublic() bool { return r.Operation.Extensions["x-access"] == auth.Public }

// CreatesUser reports whether the route takes an address that must be new.
func (r Route) CreatesUser() bool {
	return r.Method == "POST" && (strings.Contains(r.Path, "register") || r.Path == "/api/users/")
}

// RefusesKeeper reports whether the operation is not for the user who keeps the patient.
func (r Route) RefusesKeeper() bool {
	return slices.ContainsFunc(r.IDs, func(id ID) bool { return id.Own == http.StatusForbidden })
}

// ParameterNames returns the described parameters of one location: query, header or path.
func (r Route) ParameterNames(place string) (names []string) {
	for _, p := range r.Parameters {
		if p.Value.In == place {
			names = append(names, p.Value.Name)
		}
	}
	return names
}

// PathWithQuery returns the path with one more query parameter.
func PathWithQuery(path, name, value string) string {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + url.Values{name: {value}}.Encode()
}

// MissingID is an id that no record has.
const MissingID = "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"
