package httpserver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed" // for the platform's part of the contract
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gofiber/fiber/v2"

	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// API is one module's part of the contract: the OpenAPI document and the handlers that fulfil it.
type API struct {
	Document []byte
	Register func(fiber.Router)
}

//go:embed openapi.yaml
var platformDocument []byte

// platformPath is how the documents of modules refer to the platform's.
const platformPath = "platform/httpserver/openapi.yaml"

// operation is what the server needs to know of one described operation.
type operation struct {
	id        string // the operationId
	method    string
	route     string // the path template, such as /api/patients/{id}/
	access    auth.Access
	resource  audit.Resource // what it is about; "" for an operation that names no roles
	platform  bool           // one of the server's own, whose answers are small or shared by all
	takesBody bool
	hashes    bool // a password
	bodyLimit int  // bytes; 0 means the server's

	list       *listRules // for a list: how it may be ordered
	query      parameters
	array      bool             // answers an array, whether or not it has pages
	repeatable bool             // takes an Idempotency-Key
	exact      map[string]bool  // members of the body that are read as they are sent
	form       *openapi3.Schema // of the body
	known      map[string]bool  // members that a body may hold: those it takes, and those of the answer, which are ignored

	measured, measuredHead *measured // measuredHead is nil where HEAD is not served
}

// listRules are what x-list says.
type listRules struct {
	Ordering []string // the columns a list may be ordered by
	Default  string   // its order when nobody says, such as -created_at
	Heavy    []string // the filters, beside search, that may look at many rows for a page
}

// collection is the operation's path up to its first parameter: an address that repeats nothing a client typed.
func (o *operation) collection() string {
	before, _, _ := strings.Cut(o.route, "{")
	return before
}

// contract is all modules' documents as one.
type contract struct {
	document   *publication // OpenAPI, JSON
	operations map[string]*operation
	problems   map[string]string // code -> explanation for people
}

func operationKey(method, fiberPath string) string { return method + " " + fiberPath }

// Document merges the documents of apis and the platform's into one. Errors: documents that are not valid or contradict each other.
func Document(version string, roles auth.Roles, apis ...API) (*openapi3.T, error) {
	merged, err := load(platformDocument, platformPath)
	if err != nil {
		return nil, err
	}
	merged.Info.Version = version
	for _, api := range apis {
		if bytes.Equal(api.Document, platformDocument) {
			continue
		}
		part, err := load(api.Document, "modules/module/internal/adapters/rest/openapi.yaml")
		if err != nil {
			return nil, err
		}
		if err := absorb(merged, part); err != nil {
			return nil, fmt.Errorf("%s: %w", part.Info.Title, err)
		}
	}
	slices.SortFunc(merged.Tags, func(a, b *openapi3.Tag) int { // fx shuffles its groups
		return cmp.Or(cmp.Compare(placeOf(a.Extensions), placeOf(b.Extensions)), cmp.Compare(a.Name, b.Name))
	})
	for _, item := range merged.Paths.Map() {
		for method, op := range item.Operations() {
			addServerParts(method, op)
		}
	}
	whole, err := merged.MarshalJSON()
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(whole) // resolves what was added by reference
	if err != nil {
		return nil, err
	}
	for _, item := range doc.Paths.Map() {
		gatherParameters(item)
	}
	enumerateRoles(doc, roles)
	return doc, doc.Validate(context.Background())
}

// load reads one document and draws what it takes from the platform's into itself, under the same names.
func load(document []byte, at string) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = true
	loader.ReadFromURIFunc = func(_ *openapi3.Loader, uri *url.URL) ([]byte, error) {
		if strings.HasSuffix(uri.Path, platformPath) {
			return platformDocument, nil
		}
		return nil, fmt.Errorf("refers to %s: only the platform's document can be referred to", uri)
	}
	doc, err := loader.LoadFromDataWithPath(document, &url.URL{Path: at})
	if err != nil {
		return nil, err
	}
	doc.InternalizeRefs(context.Background(), func(_ *openapi3.T, ref openapi3.ComponentRef) string {
		return path.Base(ref.RefString())
	})
	return doc, nil
}

// absorb moves part's tags, paths, components and problems into merged, refusing what is said twice in two ways.
func absorb(merged, part *openapi3.T) error {
	merged.Tags = append(merged.Tags, part.Tags...)
	for route, item := range part.Paths.Map() {
		bare := strings.TrimSuffix(route, "/") // both forms are routed
		if merged.Paths.Value(bare) != nil || merged.Paths.Value(bare+"/") != nil {
			return fmt.Errorf("path %s is another module's", route)
		}
		merged.Paths.Set(route, item)
	}
	if err := absorbProblems(merged, part); err != nil {
		return err
	}
	if part.Components == nil {
		return nil
	}
	return errors.Join(
		union("schema", merged.Components.Schemas, part.Components.Schemas),
		union("response", merged.Components.Responses, part.Components.Responses),
		union("header", merged.Components.Headers, part.Components.Headers),
		union("parameter", merged.Components.Parameters, part.Components.Parameters),
	)
}

func union[M ~map[string]V, V any](kind string, into, from M) error {
	for name, value := range from {
		if known, ok := into[name]; ok {
			a, _ := json.Marshal(known)
			b, _ := json.Marshal(value)
			if !bytes.Equal(a, b) {
				return fmt.Errorf("%s %s is already described otherwise", kind, name)
			}
		}
		into[name] = value
	}
	return nil
}

const problemsExtension = "x-problems"

func absorbProblems(merged, part *openapi3.T) error {
	into, _ := merged.Extensions[problemsExtension].(map[string]any)
	from, _ := part.Extensions[problemsExtension].(map[string]any)
	for code, text := range from {
		if _, taken := into[code]; taken {
			return fmt.Errorf("problem %s is already described", code)
		}
		into[code] = text
	}
	return nil
}

// merged holds the contracts that this process has made, by the digest of their parts: a program makes one, its tests start it
// hundreds of times.
var merged sync.Map // [sha256.Size]byte -> *contract

// merge is the contract as one server uses it. Errors: as for Document; an operation that does not say who may call it, or that names a role
// which nobody declared.
func merge(version string, roles auth.Roles, apis []API) (*contract, error) {
	parts := []string{version}
	for _, api := range apis {
		parts = append(parts, string(api.Document))
	}
	for _, role := range roles {
		parts = append(parts, string(role.Role), role.Description)
	}
	slices.Sort(parts) // fx shuffles its groups
	key := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	known, ok := merged.Load(key)
	if !ok {
		made, err := mergeAnew(version, roles, apis)
		if err != nil {
			return nil, err
		}
		known = made
		merged.Store(key, known)
	}
	c := *known.(*contract)
	c.operations = make(map[string]*operation, len(c.operations))
	for key, op := range known.(*contract).operations {
		own := *op // a server hangs its own meter on it
		c.operations[key] = &own
	}
	return &c, nil
}

func mergeAnew(version string, roles auth.Roles, apis []API) (*contract, error) {
	doc, err := Document(version, roles, apis...)
	if err != nil {
		return nil, err
	}
	c := &contract{operations: map[string]*operation{}, problems: map[string]string{}}
	for route, item := range doc.Paths.Map() {
		for method, described := range item.Operations() {
			op, err := operationOf(method, route, described, roles)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, route, err)
			}
			op.platform = slices.ContainsFunc(
				described.Tags, func(tag string) bool { return tag == "Operation" || tag == "Tooling" },
			)
			c.operations[operationKey(method, fiberPath(route))] = op
		}
	}
	for code, text := range doc.Extensions[problemsExtension].(map[string]any) {
		c.problems[code], _ = text.(string)
	}
	document, err := Publish(doc)
	if err != nil {
		return nil, err
	}
	c.document, err = publish(fiber.MIMEApplicationJSON, document)
	return c, err
}

func operationOf(method, route string, described *openapi3.Operation, roles auth.Roles) (*operation, error) {
	access, err := auth.ParseAccess(described.Extensions[accessExtension])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", accessExtension, err)
	}
	for _, role := range access.Roles() {
		if _, declared := roles[role]; !declared {
			return nil, fmt.Errorf("%s: nobody declares the role %s", accessExtension, role)
		}
	}
	about, _ := described.Extensions[auditExtension].(string)
	if resource := audit.Resource(about); len(access.Roles()) > 0 && !resource.Known() {
		return nil, fmt.Errorf("%s: %q is nothing that the audit trail knows", auditExtension, about)
	}
	op := &operation{
		id: described.OperationID, method: method, route: route, access: access, resource: audit.Resource(about), takesBody: described.RequestBody != nil,
		list: listRulesOf(described), query: parametersOf(described), repeatable: repeatable(method, described), known: membersOf(described),
		exact: exactMembers(described), array: answersArray(described), form: bodySchema(described),
	}
	op.hashes = described.Extensions[hashesExtension] == true
	if said, ok := described.Extensions["x-body-limit"]; ok {
		limit, _ := said.(float64)
		if limit < 1 {
			return nil, fmt.Errorf("x-body-limit: %v is not a number of bytes", said)
		}
		op.bodyLimit = int(limit)
	}
	return op, nil
}

// membersOf are the members that the operation's body and its answer describe.
func membersOf(described *openapi3.Operation) map[string]bool {
	members := map[string]bool{}
	add := func(content openapi3.Content) {
		if media := content.Get("application/json"); media != nil {
			for name := range media.Schema.Value.Properties {
				members[name] = true
			}
		}
	}
	if described.RequestBody != nil {
		add(described.RequestBody.Value.Content)
	}
	for _, status := range []string{"200", "201"} {
		if answer := described.Responses.Value(status); answer != nil {
			add(answer.Value.Content)
		}
	}
	return members
}

// answersArray reports whether the operation answers a list of things.
func answersArray(described *openapi3.Operation) bool {
	answer := described.Responses.Value("200")
	if answer == nil {
		return false
	}
	media := answer.Value.Content.Get("application/json")
	return media != nil && media.Schema != nil && media.Schema.Value.Type.Is("array")
}

// fiberPath spells a path template Fiber's way: {id} -> :id.
func fiberPath(route string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(route)
}
