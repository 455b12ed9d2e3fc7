package rest

import (
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"healthcare/platform/contract"
)

// Values of another type are accepted where the conversion loses nothing: text and numbers such as 31.0 where the contract has an integer,
// and numbers where it has text. Booleans, ids, passwords and tokens are read as they are sent.

// convertMembers gives members the types that the fields of a body's struct have, where that loses nothing. It leaves the others to be refused.
func convertMembers(body reflect.Type, members map[string]jsontext.Value, exact map[string]bool) {
	for i, field := range toldOf(body) {
		raw, sent := members[field.name]
		if !sent || exact[field.name] {
			continue
		}
		kind := raw.Kind()
		switch wireType(body.Field(i).Type).Kind() {
		case reflect.Int, reflect.Int32, reflect.Int64:
			number := strings.TrimSpace(string(raw))
			if kind == '"' {
				text, _ := jsontext.AppendUnquote(nil, raw) // readObject has checked it
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

// wireType returns the type of a field's value without what makes it optional or nullable.
func wireType(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Map { // only nullable.Nullable is a map
		t = t.Elem()
	}
	return t
}
