package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/contract"
)

// The parts of a Postman collection that are used here (Collection Format 2.1.0).
type (
	collection struct {
		Info     map[string]string `json:"info"`
		Auth     *authorization    `json:"auth"`
		Variable []pair            `json:"variable"`
		Item     []folder          `json:"item"`
	}
	folder struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
		Item        []item `json:"item"`
	}
	item struct {
		Name    string  `json:"name"`
		Event   []event `json:"event"`
		Request request `json:"request"`
	}
	event struct {
		Listen string `json:"listen"`
		Script script `json:"script"`
	}
	script struct {
		Type string   `json:"type"`
		Exec []string `json:"exec"`
	}
	request struct {
		Method      string         `json:"method"`
		Description string         `json:"description,omitempty"`
		Auth        *authorization `json:"auth,omitempty"`
		Header      []pair         `json:"header"`
		URL         address        `json:"url"`
		Body        *body          `json:"body,omitempty"`
	}
	address struct {
		Raw   string   `json:"raw"`
		Host  []string `json:"host"`
		Path  []string `json:"path"`
		Query []pair   `json:"query,omitempty"`
	}
	body struct {
		Mode string `json:"mode"`
		Raw  string `json:"raw"`
	}
	authorization struct {
		Type   string `json:"type"`
		Bearer []pair `json:"bearer,omitempty"`
	}
	pair struct {
		Key         string `json:"key"`
		Value       string `json:"value"`
		Description string `json:"description,omitempty"`
		Disabled    bool   `json:"disabled,omitempty"`
	}
)

// postman returns the contract as a Postman collection that runs from top to bottom, for a user of any role. The
// document's examples link the requests: if the id in one operation's response is the id that another takes, the run
// passes it on in a variable. The maintained converters need Node, which the program does not.
func postman(doc *openapi3.T) ([]byte, error) {
	operations := contract.InOrder(doc)
	links := linksOf(operations)
	c := collection{
		Info: map[string]string{
			"name": doc.Info.Title, "description": doc.Info.Description,
			"schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
		},
		Auth: &authorization{Type: "bearer", Bearer: []pair{{Key: "token", Value: "{{access}}"}}},
		Variable: append(
			[]pair{{Key: "base", Value: "http://127.0.0.1:8000"}, {Key: "role"}, {Key: "registered"}},
			links.variables()...,
		),
	}
	removals := folder{
		Name: "Removal", Description: "In reverse order: an assignment needs its patient and its doctor.",
	}
	leaving := folder{
		Name: "Signing out", Description: "Each of these requests ends the session, so that a sign-in precedes it.",
	}
	var signIn item
	sources := map[string]item{} // by the variable that the response sets
	for _, tag := range doc.Tags {
		f := folder{Name: tag.Name, Description: tag.Description, Item: []item{}}
		for _, d := range operations {
			if !slices.Contains(d.Operation.Tags, tag.Name) {
				continue
			}
			i := links.itemOf(d)
			for _, name := range links.setBy(d) {
				sources[name] = i
			}
			if slices.Contains(links.setBy(d), "access") && signIn.Name == "" {
				signIn = i
			}
			switch {
			case endsSession(d):
				leaving.Item = append(leaving.Item, signIn)
				for _, name := range slices.Sorted(maps.Keys(sources)) {
					if strings.Contains(i.Request.URL.Raw, "{{"+name+"}}") {
						leaving.Item = append(leaving.Item, sources[name])
					}
				}
				leaving.Item = append(leaving.Item, i)
			case d.Method == http.MethodDelete:
				removals.Item = slices.Insert(removals.Item, 0, i)
			default:
				f.Item = append(f.Item, i)
			}
		}
		c.Item = append(c.Item, f)
	}
	c.Item = append(c.Item, removals, leaving)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(c)
	return out.Bytes(), err
}

// endsSession reports whether the operation may sign the caller out: it is open to all roles, and is a DELETE or a POST
// without a body and without a response.
func endsSession(d contract.Described) bool {
	return d.Operation.Extensions["x-access"] == auth.Authenticated &&
		d.Operation.Responses.Value("204") != nil &&
		(d.Method == http.MethodDelete || d.Method == http.MethodPost && d.Operation.RequestBody == nil)
}

// isRegistration reports whether the operation creates the caller's account.
func isRegistration(d contract.Described) bool {
	return d.Operation.Extensions["x-access"] == auth.Public && d.Operation.Responses.Value("201") != nil
}

// isClaim reports whether the operation needs a code that a run does not have.
func isClaim(d contract.Described) bool {
	return d.Method == http.MethodPost && d.Operation.RequestBody != nil && bodySchema(d).Properties["code"] != nil &&
		d.Operation.Extensions["x-repeatable"] == false && d.Operation.Responses.Value("201") != nil
}

// isRequest reports whether the operation is a request by a user to whom a patient was granted. A run keeps its
// patients, and is refused.
func isRequest(d contract.Described) bool {
	access, err := auth.ParseAccess(d.Operation.Extensions["x-access"])
	return d.Method == http.MethodPost && d.Operation.Responses.Value("201") != nil && err == nil &&
		slices.Contains(access.Roles(), patients.Role)
}

// links are the example values of the document that a run replaces: by the user's credentials and by earlier responses.
type links struct {
	names   map[string]string      // value -> variable
	created map[string]auth.Access // by the variables that a 201 sets: who may create the record
}

func linksOf(operations []contract.Described) links {
	l := links{names: map[string]string{}, created: map[string]auth.Access{}}
	used := map[string]bool{} // values in a path or a body
	var requested []string    // schemas of records that a run does not create
	for _, d := range operations {
		if schema, _ := responseExample(d); isRequest(d) {
			requested = append(requested, schema)
		}
		for _, p := range d.Operation.Parameters {
			if text, ok := p.Value.Example.(string); ok && p.Value.In == openapi3.ParameterInPath {
				used[text] = true
			}
		}
		for _, value := range bodyExample(d) {
			if text, ok := value.(string); ok {
				used[text] = true
			}
		}
	}
	for _, d := range operations {
		schema, example := responseExample(d)
		if isClaim(d) || slices.Contains(requested, schema) {
			continue
		}
		for _, member := range []string{"id", "access", "refresh"} {
			value, ok := example[member].(string)
			isToken := member == "access" && example["refresh"] != nil // and not the access of an assignment
			if !ok || !isToken && (member == "access" || !used[value]) {
				continue
			}
			name := member
			if member == "id" {
				name = strings.ToLower(schema) + "_id"
			}
			l.names[value] = name
			if d.Operation.Responses.Value("201") != nil {
				l.created[name], _ = auth.ParseAccess(d.Operation.Extensions["x-access"])
			}
		}
	}
	for _, d := range operations {
		for name, value := range bodyExample(d) {
			text, isText := value.(string)
			property := bodySchema(d).Properties[name].Value
			if variable, ok := property.Extensions[contract.VariableExtension].(string); ok && isText {
				l.names[text] = variable
			}
		}
	}
	return l
}

// variables returns the collection's variables. Ids start as the examples, for roles that may not create the resources.
func (l links) variables() []pair {
	all := []pair{}
	for _, value := range slices.Sorted(maps.Keys(l.names)) {
		v := pair{Key: l.names[value], Value: value}
		switch v.Key {
		case "access", "refresh":
			v.Value = ""
		case "user_email": // an administrator cannot remove an account, so each run adds a new one
			v.Value = strings.Replace(value, "@", "-{{$timestamp}}@", 1)
		}
		if !slices.ContainsFunc(all, func(known pair) bool { return known.Key == v.Key }) {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b pair) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// fill returns the variable that replaces an example value, or the value.
func (l links) fill(value any) any {
	text, _ := value.(string)
	if name, ok := l.names[text]; ok {
		return "{{" + name + "}}"
	}
	return value
}

// setBy returns the variables that the operation's response sets.
func (l links) setBy(d contract.Described) (names []string) {
	_, example := responseExample(d)
	for _, member := range []string{"id", "access", "refresh"} {
		value, _ := example[member].(string)
		name, ok := l.names[value]
		if _, created := l.created[name]; ok && (d.Operation.Responses.Value("201") != nil || !created) {
			names = append(names, name)
		}
	}
	return names
}

func (l links) itemOf(d contract.Described) item {
	route, op := d.Route, d.Operation
	r := request{
		Method: d.Method, Description: op.Description, Header: []pair{}, URL: address{Host: []string{"{{base}}"}},
	}
	for _, p := range op.Parameters {
		text := ""
		if p.Value.Example != nil {
			text = strings.Trim(fmt.Sprint(l.fill(p.Value.Example)), "[]")
		}
		v := pair{Key: p.Value.Name, Value: text, Description: p.Value.Description, Disabled: true}
		switch p.Value.In {
		case openapi3.ParameterInPath:
			route = strings.Replace(route, "{"+p.Value.Name+"}", text, 1)
		case openapi3.ParameterInQuery:
			v.Disabled = !p.Value.Required
			r.URL.Query = append(r.URL.Query, v)
		case openapi3.ParameterInHeader:
			r.Header = append(r.Header, v)
		}
	}
	r.URL.Raw, r.URL.Path = "{{base}}"+route, strings.Split(strings.TrimPrefix(route, "/"), "/")
	separator := "?"
	for _, p := range r.URL.Query {
		if !p.Disabled {
			r.URL.Raw += separator + p.Key + "=" + p.Value
			separator = "&"
		}
	}
	if op.Extensions["x-access"] == auth.Public {
		r.Auth = &authorization{Type: "noauth"}
	}
	if op.RequestBody != nil {
		r.Header = append(r.Header, pair{Key: "Content-Type", Value: "application/json"})
		r.Body = &body{Mode: "raw", Raw: l.bodyOf(d)}
	}
	events := []event{newEvent("test", l.testsOf(d)...)}
	if isAccount(d) && d.Method != http.MethodGet {
		skip := `if (pm.collectionVariables.get("registered") !== "yes") pm.execution.skipRequest(); ` +
			`// an account from before the run is not changed`
		events = append(events, newEvent("prerequest", skip))
	}
	if r.Body != nil && strings.Contains(r.Body.Raw, "{{until}}") {
		end := `pm.collectionVariables.set("until", new Date(Date.now() + 30 * 86400000).toISOString());`
		events = append(events, newEvent("prerequest", end))
	}
	return item{Name: op.Summary, Event: events, Request: r}
}

func newEvent(listen string, lines ...string) event {
	return event{Listen: listen, Script: script{Type: "text/javascript", Exec: lines}}
}

// isAccount reports whether the operation is about the caller's own account: it is open to all roles and has an ETag.
func isAccount(d contract.Described) bool {
	return d.Operation.Extensions["x-access"] == auth.Authenticated && d.Operation.Extensions["x-versioned"] == true
}

// testsOf returns the script that checks the status and stores the values for later requests.
func (l links) testsOf(d contract.Described) []string {
	op := d.Operation
	expected, lines := l.expectedStatuses(d), []string{}
	if access, err := auth.ParseAccess(op.Extensions["x-access"]); err == nil && len(access.Roles()) > 0 {
		roles, _ := json.Marshal(access.Roles())
		lines = append(lines, `const may = `+string(roles)+`.includes(pm.collectionVariables.get("role"));`)
		expected = "may ? " + expected + " : [403]"
	}
	lines = append(lines, `pm.test("expected status", () => pm.expect(`+expected+`).to.include(pm.response.code));`)
	set := func(name, value string) {
		lines = append(lines, `if (pm.response.code < 300) pm.collectionVariables.set("`+name+`", `+value+`);`)
	}
	element := ""
	if op.Responses.Value("200") != nil && isList(op) {
		element = "[0]"
	}
	for _, name := range l.setBy(d) {
		member := name
		if strings.HasSuffix(name, "_id") {
			member = "id"
		}
		set(name, "pm.response.json()"+element+"."+member)
	}
	_, example := responseExample(d)
	switch {
	case isRegistration(d):
		lines = append(lines, `pm.collectionVariables.set("registered", pm.response.code === 201 ? "yes" : "");`)
	case isAccount(d) && d.Method == http.MethodGet && example["role"] != nil:
		set("role", "pm.response.json().role")
	}
	return lines
}

// expectedStatuses lists the statuses that a run accepts: success, and those that depend on earlier runs, such as 409
// for an existing account.
func (l links) expectedStatuses(d contract.Described) string {
	var all []string
	access, _ := auth.ParseAccess(d.Operation.Extensions["x-access"])
	unset := func(p *openapi3.ParameterRef) bool { // reports whether p is an id that not every role's run sets
		text, _ := p.Value.Example.(string)
		creators, created := l.created[l.names[text]]
		return p.Value.In == openapi3.ParameterInPath && (l.names[text] == "" || created &&
			slices.ContainsFunc(access.Roles(), func(role auth.Role) bool { return !creators.Allows(role) }))
	}
	for _, status := range slices.Sorted(maps.Keys(d.Operation.Responses.Map())) {
		switch {
		case status < "400", isRegistration(d) && (status == "403" || status == "409"),
			isClaim(d) && (status == "404" || status == "409"), isRequest(d) && (status == "403" || status == "404"),
			(isEmergency(d) || isVisit(d)) && (status == "403" || status == "404" || status == "409"),
			status == "404" && d.Method == http.MethodGet && !strings.Contains(d.Route, "{"), // for some callers only
			status == "404" && slices.ContainsFunc(d.Operation.Parameters, unset),
			status == "404" && removesOnly(d), status == "400" && takesMailToken(d),
			status == "409" && strings.HasPrefix(d.Route, "/api/deliveries/"): // it may be sent, or not
			all = append(all, status)
		}
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// isEmergency reports whether the operation opens a record in an emergency, which only doctors may, and not their own.
func isEmergency(d contract.Described) bool { return d.Operation.OperationID == "openEmergencyAccess" }

// takesMailToken reports whether the operation needs a token that is sent by e-mail only.
func takesMailToken(d contract.Described) bool {
	return strings.HasPrefix(d.Route, "/api/auth/") && strings.HasSuffix(d.Route, "/confirm/")
}

// isVisit reports whether the operation books or changes an appointment. Only administrators add the types that it
// needs, and the time may have been booked.
func isVisit(d contract.Described) bool {
	return strings.HasPrefix(d.Route, "/api/appointment") || strings.HasPrefix(d.Route, "/api/waiting-list/")
}

// removesOnly reports whether the operation removes the only record of its kind below another record, such as the link
// of a doctor to an account, which another user creates.
func removesOnly(d contract.Described) bool {
	return d.Method == http.MethodDelete && strings.Contains(d.Route, "}/") && !strings.HasSuffix(d.Route, "}/")
}

// bodyOf returns the document's example without optional members that must be unique, as an earlier run may have used
// their values.
func (l links) bodyOf(d contract.Described) string {
	members, schema := map[string]any{}, bodySchema(d)
	for name, value := range bodyExample(d) {
		unique := schema.Properties[name].Value.Extensions[contract.UniqueExtension] == true
		if slices.Contains(schema.Required, name) || !unique {
			members[name] = l.fill(value)
		}
	}
	text, _ := json.MarshalIndent(members, "", "  ") // never fails for texts and numbers
	return string(text)
}

func bodySchema(d contract.Described) *openapi3.Schema {
	return d.Operation.RequestBody.Value.Content.Get("application/json").Schema.Value
}

func bodyExample(d contract.Described) map[string]any {
	if d.Operation.RequestBody == nil {
		return nil
	}
	example, _ := d.Operation.RequestBody.Value.Content.Get("application/json").Example.(map[string]any)
	return example
}

func isList(op *openapi3.Operation) bool {
	media := op.Responses.Value("200").Value.Content.Get("application/json")
	return media != nil && media.Schema.Value.Type.Is("array")
}

// responseExample returns the example of a success, for a list its first item, and the name of its schema.
func responseExample(d contract.Described) (schema string, example map[string]any) {
	for _, status := range []string{"200", "201"} {
		response := d.Operation.Responses.Value(status)
		if response == nil {
			continue
		}
		media := response.Value.Content.Get("application/json")
		if media == nil {
			continue
		}
		ref, value := media.Schema, media.Example
		if items, ok := value.([]any); ok && len(items) > 0 {
			ref, value = ref.Value.Items, items[0]
		}
		example, _ = value.(map[string]any)
		return path.Base(ref.Ref), example
	}
	return "", nil
}
