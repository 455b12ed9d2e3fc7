package httpserver

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"healthcare/platform/errs"
)

// parameters are the query parameters that an operation describes, by name.
type parameters map[string]*openapi3.Schema

func parametersOf(op *openapi3.Operation) parameters {
	described := parameters{}
	for _, p := range op.Parameters {
		if p.Value.In == openapi3.ParameterInQuery {
			described[p.Value.Name] = p.Value.Schema.Value
		}
	}
	return described
}

// check holds a query against what is described: what the document refuses, the service refuses, every parameter at once.
// Errors: errs.Invalid.
func (p parameters) check(query *fasthttp.Args) error {
	wrong, seen := map[string]error{}, map[string]bool{}
	for k, v := range query.All() {
		name := string(k)
		schema, known := p[name]
		switch {
		case !known:
			there := strings.Join(slices.Sorted(maps.Keys(p)), ", ")
			wrong[printable(name)] = sentence("Unknown parameter. There are: " + there + ".")
		case seen[name]:
			wrong[name] = sentence("Given more than once.")
		case len(v) == 0 && len(schema.Enum) > 0: // not given, as an empty text is
		default:
			wrong[name] = refusalOf(schema, string(v))
		}
		seen[name] = true
	}
	return errs.Fields(wrong)
}

// printable keeps a name that is no name out of the answer.
func printable(name string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
	if name == "" || len(name) > 64 || strings.Trim(name, letters) != "" {
		return "query"
	}
	return name
}

// sentence is a message for people.
type sentence string

func (s sentence) Error() string { return string(s) }

// refusalOf says why value is not what schema describes, nil when it is.
func refusalOf(schema *openapi3.Schema, value string) error {
	switch {
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return sentence("Must be text in UTF-8, without NUL.")
	case schema.Type.Is("integer"):
		return refusedNumber(schema, value)
	case schema.Type.Is("boolean") && value != "true" && value != "false":
		return sentence("Must be true or false.")
	case schema.Type.Is("array"):
		for part := range strings.SplitSeq(value, ",") {
			if err := refusalOf(schema.Items.Value, part); err != nil {
				return err
			}
		}
		return nil
	}
	return refusedText(schema, value)
}

func refusedNumber(schema *openapi3.Schema, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil {
		return sentence("Must be a whole number.")
	}
	if schema.Min != nil && float64(n) < *schema.Min || schema.Max != nil && float64(n) > *schema.Max {
		return sentence(fmt.Sprintf("Must be between %v and %v.", *schema.Min, *schema.Max))
	}
	return nil
}

func refusedText(schema *openapi3.Schema, value string) error {
	if !enumerated(schema, value) {
		return sentence("Must be one of " + strings.Trim(fmt.Sprint(schema.Enum...), "[]") + ".")
	}
	if schema.MaxLength != nil && utf8.RuneCountInString(value) > int(*schema.MaxLength) { //nolint:gosec // a bound of ours
		return sentence(fmt.Sprintf("Must have at most %d characters.", *schema.MaxLength))
	}
	switch schema.Format {
	case "date-time":
		at, err := time.Parse(time.RFC3339, value)
		if year := at.UTC().Year(); err != nil || year < 1 || year > 9999 { // what both engines know, also in UTC
			return sentence("Must be a time such as 2026-11-22T22:29:36Z (RFC 3339).")
		}
	case "uuid":
		if _, err := uuid.Parse(value); err != nil || len(value) != 36 {
			return sentence("Must be a UUID.")
		}
	}
	return nil
}

// enumerated reports whether value is one of those that schema lists, if it lists any.
func enumerated(schema *openapi3.Schema, value string) bool {
	return len(schema.Enum) == 0 || slices.ContainsFunc(schema.Enum, func(one any) bool {
		listed, _ := one.(string)
		return listed == value || schema.Extensions[anyCaseExtension] == true && strings.EqualFold(listed, value)
	})
}

// Value is an optional parameter's value, zero when it was not given.
func Value[T any](given *T) (value T) {
	if given != nil {
		value = *given
	}
	return value
}

// UUID is an optional parameter of format uuid, which the guard has checked; nil when it was not given.
func UUID(given *string) *uuid.UUID {
	if given == nil {
		return nil
	}
	id, _ := uuid.Parse(*given)
	return &id
}

// Instant is an optional parameter of format date-time, which the guard has checked; zero when it was not given.
func Instant(given *string) time.Time {
	at, _ := time.Parse(time.RFC3339, Value(given))
	return at
}
