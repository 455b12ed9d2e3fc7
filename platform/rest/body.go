package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"

	"healthcare/platform/errs"
)

// maxDepth is how many levels of objects and arrays a body may have.
const maxDepth = 32

// EncodeJSON encodes v the same way each time.
func EncodeJSON(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

// Body reads the request's JSON object into In, a type generated from the contract, and hands it to convert. It is stricter than
// Fiber's BodyParser, which also binds forms and XML, compares names without case, lets the last duplicate win and decompresses: one value in
// UTF-8, no duplicate names, no NUL, depth at most 32, every required member there, null only where the contract allows it. Values of another
// type are converted where that loses nothing, unless the client prefers strict handling.
//
// Errors: errs.Invalid, either malformed_json or validation_failed with every refused field at once; where Out can Validate itself, the
// fields that have the right type but break a rule are among them.
func Body[In, Out any](c *fiber.Ctx, convert func(In) Out) (Out, error) {
	var in In
	var none Out
	members, err := readObject(c.Request().Body())
	if err != nil {
		return none, err
	}
	if !Prefers(c, HandlingStrict) {
		var exact map[string]bool
		if call := CallOf(c); call != nil {
			exact = call.Operation.Exact
		}
		convertMembers(reflect.TypeFor[In](), members, exact)
	}
	refused := fill(&in, members)
	unknownMembers(c, members, refused)
	if len(refused) == 0 {
		return convert(in), nil
	}
	fields := map[string][]string{}
	if checked, ok := any(convert(in)).(interface{ Validate() error }); ok {
		if e, ok := errors.AsType[*errs.Error](checked.Validate()); ok {
			maps.Copy(fields, e.Fields)
		}
	}
	maps.Copy(fields, refused) // a wrong type says more than the rule that its zero value breaks
	return none, &errs.Error{Kind: errs.Invalid, Code: "validation_failed", Detail: "Some fields are not valid.", Fields: fields}
}

func malformed(format string, args ...any) error {
	return errs.New(errs.Invalid, "malformed_json", fmt.Sprintf(format, args...))
}

// ByteOrderMark may stand before a body, where parsers may ignore it (RFC 8259, section 8.1).
const ByteOrderMark = "\ufeff"

// readObject checks the whole of raw, and splits it into its members.
func readObject(raw []byte) (members map[string]jsontext.Value, err error) {
	sent := len(raw)
	raw = bytes.TrimPrefix(raw, []byte(ByteOrderMark))
	// Unmarshal refuses duplicate names, invalid UTF-8 and a second value. What it allows is looked for where it can be: an escaped NUL, and depth.
	suspicious := bytes.Contains(raw, []byte(`\u0000`)) || bytes.Count(raw, []byte("{"))+bytes.Count(raw, []byte("[")) > maxDepth
	if !suspicious && json.Unmarshal(raw, &members) == nil && members != nil {
		return members, nil
	}
	if err := flaw(raw, sent-len(raw)); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, malformed("The body is not well-formed JSON.")
	}
	return members, nil
}

// flaw returns the first error in raw, which begins skipped bytes after the body's begin. It reads token by token.
func flaw(raw []byte, skipped int) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return malformed("The body is empty; a JSON object is expected.")
	}
	dec := jsontext.NewDecoder(bytes.NewReader(raw)) // refuses duplicate names and invalid UTF-8 by default
	if dec.PeekKind() != '{' {
		return malformed("The body must be a JSON object.")
	}
	for first := true; first || dec.StackDepth() > 0; first = false {
		token, err := dec.ReadToken()
		at := int64(skipped) + dec.InputOffset()
		if err != nil {
			return malformed("The body is not well-formed JSON (at byte %d).", at)
		}
		if dec.StackDepth() > maxDepth {
			return malformed("The body is nested deeper than %d levels.", maxDepth)
		}
		if token.Kind() == '"' && strings.ContainsRune(token.String(), 0) {
			return malformed("The body holds a NUL character (before byte %d).", at)
		}
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return malformed("The body holds more than one JSON value.")
	}
	return nil
}

// fill decodes each member into the field of that name and tells which were refused. What the struct does not know is ignored: read-only
// fields may be sent back as they were read.
func fill(into any, members map[string]jsontext.Value) map[string][]string {
	refused := map[string][]string{}
	v := reflect.ValueOf(into).Elem()
	for i, told := range toldOf(v.Type()) {
		name, field := told.name, v.Field(i)
		raw, sent := members[name]
		switch {
		case !sent && told.required:
			refused[name] = []string{"This field is required."}
		case !sent:
		case raw.Kind() == 'n' && field.Kind() != reflect.Map: // only nullable.Nullable is a map
			refused[name] = []string{"May not be null."}
		case json.Unmarshal(raw, field.Addr().Interface()) != nil:
			refused[name] = []string{expectation(field.Type())}
		}
	}
	return refused
}

// told is what the contract tells of a member of a body, as its json tag says it.
type told struct {
	name     string
	required bool
}

var toldOfTypes sync.Map // reflect.Type to []told: tags are read once

func toldOf(t reflect.Type) []told {
	if all, known := toldOfTypes.Load(t); known {
		return all.([]told)
	}
	all := make([]told, t.NumField())
	for i := range all {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all[i] = told{name, !strings.Contains(options, "omitempty")}
	}
	toldOfTypes.Store(t, all)
	return all
}

func expectation(t reflect.Type) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "Must be a string."
	case reflect.Bool:
		return "Must be true or false."
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "Must be a whole number."
	}
	return "Has the wrong type."
}

// Text is a nullable member as use cases know it: nil when it was not sent, empty when it was null.
func Text(n nullable.Nullable[string]) *string {
	if !n.IsSpecified() {
		return nil
	}
	text := OrEmpty(n)
	return &text
}

// OrEmpty is a nullable member's text, empty when it was null or not sent.
func OrEmpty(n nullable.Nullable[string]) string {
	text, _ := n.Get()
	return text
}

// OrNil returns a nullable member's value, nil when it was null or not sent.
func OrNil[T any](n nullable.Nullable[T]) *T {
	value, err := n.Get()
	if err != nil {
		return nil
	}
	return &value
}

// NullableText is how an answer shows text that may be missing: null instead of "".
func NullableText(s string) nullable.Nullable[string] {
	if s == "" {
		return nullable.NewNullNullable[string]()
	}
	return nullable.NewNullableWithValue(s)
}
