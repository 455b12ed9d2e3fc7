package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
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

// postman turns the contract into a Postman collection that runs from top to bottom: what one request answers (tokens, ids) is what the next
// ones send. The well-kept converters need Node, which neither the program nor its checks do.
func postman(doc *openapi3.T) ([]byte, error) {
	c := collection{
		Info: map[string]string{
			"name": doc.Info.Title, "description": doc.Info.Description, "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
		},
		Auth: &authorization{Type: "bearer", Bearer: []pair{{Key: "token", Value: "{{access}}"}}},
		Variable: []pair{
			{Key: "base", Value: "http://127.0.0.1:8000"}, {Key: "email", Value: "asha@clinic.example"},
			{Key: "password", Value: "correct horse battery"}, {Key: "user_email", Value: "ravi@clinic.example"}, {Key: "access"}, {Key: "refresh"},
			{Key: "patient_id"}, {Key: "doctor_id"}, {Key: "mapping_id"}, {Key: "session_id"}, {Key: "user_id"},
		},
	}
	removals := folder{Name: "Removal"} // late, and in reverse: an assignment needs both its sides
	goodbye := folder{Name: "Goodbye", Description: "Each of these ends the session, so a new one begins before it."}
	var signIn, sessions item
	for _, tag := range []string{"Authentication", "Account", "Doctors", "Patients", "Assignments", "Operation", "Users", "Audit trail"} {
		f := folder{Name: tag}
		switch tag {
		case "Users":
			f.Description = "For administrators. Make yourself one with: healthcare user promote {{email}}"
		case "Audit trail":
			f.Description = "For auditors. Make yourself one with: healthcare user promote {{email}} --role auditor"
		}
		for _, i := range requestsOf(doc, tag) {
			switch {
			case slices.ContainsFunc([]string{"/logout/", "/logout-all/", "/sessions/{{session_id}}/"}, i.ends), i.ends("/me/") && i.Request.Method == http.MethodDelete:
				goodbye.Item = append(goodbye.Item, signIn)
				if i.ends("/sessions/{{session_id}}/") {
					goodbye.Item = append(goodbye.Item, sessions) // it tells which
				}
				goodbye.Item = append(goodbye.Item, i)
			case i.Request.Method == http.MethodDelete:
				removals.Item = slices.Insert(removals.Item, 0, i)
			default:
				f.Item = append(f.Item, i)
			}
			switch {
			case i.ends("/login/"):
				signIn = i
			case i.ends("/sessions/"):
				sessions = i
			}
		}
		c.Item = append(c.Item, f)
	}
	c.Item = append(c.Item, removals, goodbye)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(c)
	return out.Bytes(), err
}

// requestsOf are a tag's operations, in an order in which they can run: what makes something first.
func requestsOf(doc *openapi3.T, tag string) []item {
	rank := map[string]int{http.MethodPost: 0, http.MethodGet: 1, http.MethodPut: 2, http.MethodPatch: 3, http.MethodDelete: 4}
	items := []item{}
	for _, route := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		operations := doc.Paths.Value(route).Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			if op := operations[method]; slices.Contains(op.Tags, tag) {
				items = append(items, itemOf(route, method, doc.Paths.Value(route), op))
			}
		}
	}
	slices.SortStableFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(signInRank(a), signInRank(b)), cmp.Compare(rank[a.Request.Method], rank[b.Request.Method]))
	})
	return items
}

// signInRank puts register before login before refresh.
func signInRank(i item) int {
	rank := slices.IndexFunc([]string{"/register/", "/login/", "/refresh/"}, i.ends)
	if rank < 0 && strings.Contains(i.Request.URL.Raw, "/api/auth/") {
		return 3
	}
	return rank
}

func (i item) ends(with string) bool { return strings.HasSuffix(i.Request.URL.Raw, with) }

func itemOf(route, method string, path *openapi3.PathItem, op *openapi3.Operation) item {
	r := request{Method: method, Description: op.Description, Header: []pair{}, URL: addressOf(route, op)}
	for _, p := range slices.Concat(path.Parameters, op.Parameters) {
		v := pair{Key: p.Value.Name, Value: exampleOf(p.Value.Example, p.Value.Schema), Description: p.Value.Description, Disabled: true}
		switch p.Value.In {
		case openapi3.ParameterInQuery:
			r.URL.Query = append(r.URL.Query, v)
		case openapi3.ParameterInHeader:
			r.Header = append(r.Header, v)
		}
	}
	if op.Extensions["x-access"] == "public" {
		r.Auth = &authorization{Type: "noauth"}
	}
	if op.RequestBody != nil {
		r.Header = append(r.Header, pair{Key: "Content-Type", Value: "application/json"})
		r.Body = &body{Mode: "raw", Raw: bodyOf(variableOf(route), op.RequestBody.Value.Content.Get("application/json").Schema.Value)}
	}
	test := event{Listen: "test", Script: script{Type: "text/javascript", Exec: testsOf(route, op)}}
	return item{Name: op.Summary, Event: []event{test}, Request: r}
}

func addressOf(route string, op *openapi3.Operation) address {
	id := variableOf(route)
	switch {
	case strings.Contains(op.Summary, "patient's"):
		id = "patient_id"
	case strings.Contains(route, "/sessions/"):
		id = "session_id"
	}
	path := strings.NewReplacer("{id}", "{{"+id+"}}", "{patient_id}", "{{patient_id}}", "{code}", "not_found", "{asset}", "docs.js").Replace(route)
	return address{Raw: "{{base}}" + path, Host: []string{"{{base}}"}, Path: strings.Split(strings.TrimPrefix(path, "/"), "/")}
}

// variableOf names the collection's variable that holds the id of what a route is about: /api/patients/ -> patient_id.
func variableOf(route string) string {
	parts := strings.Split(strings.TrimPrefix(route, "/api/"), "/")
	return strings.TrimSuffix(parts[0], "s") + "_id"
}

// testsOf checks that the status is a described success, and keeps what later requests need.
func testsOf(route string, op *openapi3.Operation) []string {
	var successes []string
	for _, status := range slices.Sorted(maps.Keys(op.Responses.Map())) {
		if status < "400" {
			successes = append(successes, status)
		}
	}
	lines := []string{
		`pm.test("succeeds as described", () => pm.expect([` + strings.Join(successes, ", ") + `]).to.include(pm.response.code));`,
	}
	if strings.HasSuffix(route, "/login/") || strings.HasSuffix(route, "/refresh/") {
		lines = append(lines, `["access", "refresh"].forEach((name) => pm.collectionVariables.set(name, pm.response.json()[name]));`)
	}
	if strings.HasSuffix(route, "/sessions/") {
		lines = append(lines, `pm.collectionVariables.set("session_id", pm.response.json()[0].id);`)
	}
	if op.Responses.Value("201") != nil && op.Extensions["x-access"] != "public" {
		lines = append(lines, fmt.Sprintf("pm.collectionVariables.set(%q, pm.response.json().id);", variableOf(route)))
	}
	return lines
}

// bodyOf is an example of what a schema describes: its required members and those that have an example.
func bodyOf(about string, schema *openapi3.Schema) string {
	members := map[string]any{}
	known := map[string]string{
		"patient": "{{patient_id}}", "doctor": "{{doctor_id}}", "refresh": "{{refresh}}", "email": "{{email}}",
		"password": "{{password}}", "current_password": "{{password}}", "new_password": "{{password}}",
	}
	if about == "user_id" {
		known["email"] = "{{user_email}}"
	}
	for name, property := range schema.Properties {
		required := slices.Contains(schema.Required, name)
		switch {
		case known[name] != "" && required:
			members[name] = known[name]
		case property.Value.Example != nil && (required || name == "age" || about == "user_id" && len(schema.Required) == 0):
			members[name] = property.Value.Example
		}
	}
	if len(members) == 0 {
		members["name"] = "Changed"
	}
	text, _ := json.MarshalIndent(members, "", "  ") // texts and numbers: it cannot fail
	return string(text)
}

func exampleOf(example any, schema *openapi3.SchemaRef) string {
	if example == nil && schema != nil && schema.Value != nil {
		example = schema.Value.Example
	}
	if example == nil {
		return ""
	}
	return fmt.Sprint(example)
}
