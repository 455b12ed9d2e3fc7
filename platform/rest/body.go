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
	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// maxDepth is the maximum nesting depth of a body.
const maxDepth = 32

// Body reads the request's JSON object into In, a type generated from the contract, and passes it to convert. It is
// stricter than Fiber's BodyParser, which also binds forms and XML, compares names without case, uses the last
// duplicate and decompresses. Body requires one value in UTF-8, no duplicate names, no NUL, a depth of at most 32,
// every required member, and null only where the contract allows it. Values of another type are converted if the
// conversion is lossless, unless the client prefers strict handling.
//
// Errors: errs.Invalid, either malformed_json or validation_failed with all rejected fields. If Out has a method
// Validate, they include the fields that violate a rule.
func Body[In, Out any](c *fiber.Ctx, convert func(In) Out) (Out, error) {
	var in In
	var none Out
	members, err := splitObject(c.Request().Body())
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
	rejected := decodeMembers(&in, members)
	reportUnknown(c, members, rejected)
	if len(rejected) == 0 {
		return convert(in), nil
	}
	fields := map[string][]string{}
	if checked, ok := any(convert(in)).(interface{ Validate() error }); ok {
		if e, ok := errors.AsType[*errs.Error](checked.Validate()); ok {
			maps.Copy(fields, e.Fields)
		}
	}
	maps.Copy(fields, rejected) // the message about a wrong type replaces that about its zero value
	return none, errs.InvalidFields(fields)
}

func malformed(format string, args ...any) error {
	return errs.New(errs.Invalid, "malformed_json", fmt.Sprintf(format, args...))
}

// ByteOrderMark may precede a body. Parsers may ignore it (RFC 8259, section 8.1).
const ByteOrderMark = "\ufeff"

// splitObject validates raw and splits it into its members.
func splitObject(raw []byte) (members map[string]jsontext.Value, err error) {
	sent := len(raw)
	raw = bytes.TrimPrefix(raw, []byte(ByteOrderMark))
	// Unmarshal rejects duplicate names, invalid UTF-8 and a second value, but not an escaped NUL or deep nesting
	suspicious := bytes.Contains(raw, []byte(`\u0000`)) ||
		bytes.Count(raw, []byte("{"))+bytes.Count(raw, []byte("[")) > maxDepth
	if !suspicious && json.Unmarshal(raw, &members) == nil && members != nil {
		return members, nil
	}
	if err := findError(raw, sent-len(raw)); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, malformed("The body is not well-formed JSON.")
	}
	return members, nil
}

// findError returns the first error in raw. It reads token by token. skipped is the offset of raw in the body.
func findError(raw []byte, skipped int) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return malformed("The body is empty; a JSON object is expected.")
	}
	dec := jsontext.NewDecoder(bytes.NewReader(raw)) // rejects duplicate names and invalid UTF-8 by default
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

// decodeMembers decodes each member into the field of its name, and returns the error messages by member. It ignores
// members without a field, so that clients may send back read-only fields.
func decodeMembers(into any, members map[string]jsontext.Value) map[string][]string {
	rejected := map[string][]string{}
	v := reflect.ValueOf(into).Elem()
	for i, field := range bodyFields(v.Type()) {
		name, target := field.name, v.Field(i)
		raw, sent := members[name]
		switch {
		case !sent && field.required:
			rejected[name] = []string{"This field is required."}
		case !sent:
		case raw.Kind() == 'n' && target.Kind() != reflect.Map: // only nullable.Nullable is a map
			rejected[name] = []string{"May not be null."}
		case json.Unmarshal(raw, target.Addr().Interface()) != nil:
			rejected[name] = []string{expectation(target.Type())}
		}
	}
	return rejected
}

// bodyField is the description of a body's member in its json tag.
type bodyField struct {
	name     string
	required bool
}

var bodyFieldsOfTypes sync.Map // reflect.Type to []bodyField: tags are parsed once

func bodyFields(t reflect.Type) []bodyField {
	if known, ok := bodyFieldsOfTypes.Load(t); ok {
		return known.([]bodyField)
	}
	fields := make([]bodyField, t.NumField())
	for i := range fields {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[i] = bodyField{name, !strings.Contains(options, "omitempty")}
	}
	bodyFieldsOfTypes.Store(t, fields)
	return fields
}

// expectation returns the error message for a value of the wrong type.
func expectation(t reflect.Type) string {
	switch wireType(t).Kind() {
	case reflect.String:
		return "Must be a string."
	case reflect.Bool:
		return "Must be true or false."
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "Must be a whole number."
	}
	return "Has the wrong type."
}

// Text returns a nullable member in the form of use cases: nil if it was not sent, empty if it was null.
func Text(n nullable.Nullable[string]) *string {
	if !n.IsSpecified() {
		return nil
	}
	text := OrEmpty(n)
	return &text
}

// BodyUUID reads a record's id in a body, in its canonical form. Errors: one for the member, because a malformed id is
// an invalid body, not a missing record.
func BodyUUID(s string) (uuid.UUID, error) {
	id, err := recordid.Parse[recordid.Of[any]](s, errNotUUID)
	return id.UUID, err
}

var errNotUUID = errors.New("Must be a UUID.") //nolint:staticcheck // shown to people as a sentence

// OrEmpty returns a nullable member's text, or "" if it was null or not sent.
func OrEmpty(n nullable.Nullable[string]) string {
	text, _ := n.Get()
	return text
}

// OrNil returns a nullable member's value, or nil if it was null or not sent.
func OrNil[T any](n nullable.Nullable[T]) *T {
	value, err := n.Get()
	if err != nil {
		return nil
	}
	return &value
}
