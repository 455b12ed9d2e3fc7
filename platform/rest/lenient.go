package rest

import (
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"healthcare/platform/contract"
)

// Values of another type are accepted if the conversion is lossless: texts and numbers such as 31.0 for an integer, and
// numbers for a text. Booleans, ids, passwords and tokens are not converted.

// convertMembers converts members to the types of the body's fields, if the conversion is lossless. Other members are
// rejected later.
func convertMembers(body reflect.Type, members map[string]jsontext.Value, exact map[string]bool) {
	for i, field := range bodyFields(body) {
		raw, sent := members[field.name]
		if !sent || exact[field.name] {
			continue
		}
		kind := raw.Kind()
		switch wireType(body.Field(i).Type).Kind() {
		case reflect.Int, reflect.Int32, reflect.Int64:
			number := strings.TrimSpace(string(raw))
			if kind == '"' {
				text, _ := jsontext.AppendUnquote(nil, raw) // splitObject has validated it
				number = string(text)
			}
			if whole, ok := contract.WholeNumber(number); ok && (kind == '"' || kind == '0') {
				members[field.name] = jsontext.Value(whole)
			}
		case reflect.String:
			if kind == '0' {
				members[field.name] = jsontext.Value(`"` + strings.TrimSpace(string(raw)) + `"`)
			}
		}
	}
}

// wireType returns the type of a field's value without its pointer or nullable.Nullable.
func wireType(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Map { // only nullable.Nullable is a map
		t = t.Elem()
	}
	return t
}
