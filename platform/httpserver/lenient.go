package httpserver

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
)

// Values of another type are accepted where the conversion loses nothing: text and numbers such as 31.0 where the contract has an integer,
// and numbers where it has text. Booleans, ids, passwords and tokens are read as they are sent.

// exactExtension marks a member of a body that is text in every case, because a number is a mistake there: x-exact: true. Members of the formats
// uuid and password need no mark.
const exactExtension = "x-exact"

// exactMembers returns the members of an operation's body that are read as they are sent.
func exactMembers(described *openapi3.Operation) map[string]bool {
	exact := map[string]bool{}
	if described.RequestBody == nil {
		return exact
	}
	media := described.RequestBody.Value.Content.Get("application/json")
	if media == nil {
		return exact
	}
	for name, property := range media.Schema.Value.Properties {
		schema := property.Value
		if schema.Format == "uuid" || schema.Format == "password" || schema.Extensions[exactExtension] == true {
			exact[name] = true
		}
	}
	return exact
}

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
			if whole, ok := wholeNumber(number); ok && (kind == '"' || kind == '0') {
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

// wholeNumber returns the digits of a decimal number such as " 31 ", 31.0 or 3.1e1, if it is an integer of 64 bits. It computes with text, so that
// no digit is lost and a large exponent costs nothing.
func wholeNumber(text string) (string, bool) {
	text = strings.TrimSpace(text)
	sign := ""
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
		sign, text = strings.TrimPrefix(text[:1], "+"), text[1:]
	}
	mantissa, power, scientific := strings.Cut(strings.ToLower(text), "e")
	integer, fraction, decimal := strings.Cut(mantissa, ".")
	if !allDigits(integer) || decimal && !allDigits(fraction) {
		return "", false
	}
	exponent := 0
	if scientific {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil {
			return "", false
		}
	}
	all := strings.TrimLeft(integer+fraction, "0")
	digits := strings.TrimRight(all, "0")
	if digits == "" {
		return "0", true
	}
	point := exponent + len(all) - len(fraction) // the number is 0.<digits> times ten to this power
	if point < len(digits) || point > len("9223372036854775807") {
		return "", false
	}
	n, err := strconv.ParseInt(sign+digits+strings.Repeat("0", point-len(digits)), 10, 64)
	return strconv.FormatInt(n, 10), err == nil
}

func allDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
