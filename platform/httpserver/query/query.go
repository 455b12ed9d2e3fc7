// Package query validates the query of a request against the contract and returns its canonical form.
package query

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"healthcare/platform/contract"
	"healthcare/platform/errs"
	"healthcare/platform/text"
)

// Reader reads the query of one request.
type Reader struct {
	Zone    *time.Location  // of dates without a time
	Ignored map[string]bool // collects the names of ignored parameters
	Strict  bool            // reject values of another type (RFC 7240, handling=strict)
	Django  bool            // ignore unknown parameters of a list, unless Strict is set
	Array   bool            // the operation returns a list

	Required []string // the parameters that a request must have
}

// Read validates a query against the described parameters and reports every rejected parameter at once. It returns the
// query in the canonical form, which handlers and cursors require, or nil if it already has this form. Errors:
// errs.Invalid.
func (r Reader) Read(query *fasthttp.Args, described contract.Parameters) (url.Values, error) {
	wrong, values := map[string]error{}, map[string]string{}
	changed := false
	for k, v := range query.All() {
		name, value := string(k), string(v)
		schema, known := described[name]
		earlier, again := values[name]
		switch {
		case r.Array && r.absent(name, value, known):
			changed = true
			continue
		case r.Array && !known && r.Django && !r.Strict:
			r.Ignored[errs.FieldName(name, "query")], changed = true, true
			continue
		case r.Array && !known && name == formatParameter:
			wrong[name] = sentence("Responses are JSON. Omit this parameter, or send json.")
			continue
		case !known && len(described) > 0:
			supported := strings.Join(slices.Sorted(maps.Keys(described)), ", ")
			wrong[errs.FieldName(name, "query")] = sentence(
				"Unknown parameter. Supported parameters: " + supported + ".",
			)
			continue
		case !known: // an operation without parameters ignores them all
			continue
		case again && !schema.Type.Is("array"):
			wrong[name] = sentence("Given more than once.")
		case again: // a list may also be sent as repeated parameters
			value, changed = earlier+","+value, true
		}
		values[name] = value
	}
	canonical := url.Values{}
	for name, sent := range values {
		value, err := r.value(described[name], sent)
		if err != nil && wrong[name] == nil {
			wrong[name] = err
		}
		changed = changed || value != sent
		canonical.Set(name, value)
	}
	for _, name := range r.Required {
		if values[name] == "" && wrong[name] == nil {
			wrong[name] = sentence("This parameter is required.")
		}
	}
	if err := errs.Fields(wrong); err != nil || !changed {
		return nil, err
	}
	return canonical, nil
}

const (
	formatParameter = "format" // selects the media type in REST frameworks
	cacheBuster     = "_"      // jQuery and others add it to bypass caches
)

// absent reports whether a parameter of a list has no effect: a filter without a value, or a parameter that client
// libraries add.
func (r Reader) absent(name, value string, known bool) bool {
	if known {
		return value == "" || !r.Strict && strings.TrimSpace(value) == ""
	}
	return name == cacheBuster || name == formatParameter && (value == "" || value == "json")
}

// sentence is an error message for people.
type sentence string

func (s sentence) Error() string { return string(s) }

// value returns the canonical form of a parameter's value. Errors: a sentence that describes the expected value.
func (r Reader) value(schema *openapi3.Schema, sent string) (string, error) {
	switch {
	case !utf8.ValidString(sent) || strings.ContainsRune(sent, 0):
		return "", sentence("Must be text in UTF-8, without NUL.")
	case schema.Type.Is("integer"):
		return r.number(schema, sent)
	case schema.Type.Is("boolean") && sent != "true" && sent != "false":
		return "", sentence("Must be true or false.")
	case schema.Type.Is("array"):
		items := strings.Split(sent, ",")
		for i, item := range items {
			if !r.Strict {
				item = strings.TrimSpace(item)
			}
			var err error
			if items[i], err = r.value(schema.Items.Value, item); err != nil {
				return "", err
			}
		}
		return strings.Join(items, ","), checkItems(schema, items)
	case schema.Format == "date-time":
		return r.moment(sent)
	}
	return sent, checkText(schema, sent)
}

// checkItems rejects repeated items and too many items. An array with an enum is an ordering.
func checkItems(schema *openapi3.Schema, items []string) error {
	if len(schema.Items.Value.Enum) > 0 {
		return checkOrdering(items)
	}
	if schema.MaxItems != nil && uint64(len(items)) > *schema.MaxItems {
		return sentence(fmt.Sprintf("Must have at most %d values.", *schema.MaxItems))
	}
	if sorted := slices.Sorted(slices.Values(items)); schema.UniqueItems && len(slices.Compact(sorted)) < len(items) {
		return sentence("Each value may be given once.")
	}
	return nil
}

// checkOrdering rejects repeated columns, in either direction, and too many columns.
func checkOrdering(items []string) error {
	seen := map[string]bool{}
	for _, item := range items {
		column := strings.TrimPrefix(item, "-")
		if seen[column] {
			return sentence("Each column may be named once.")
		}
		seen[column] = true
	}
	if len(items) > contract.MaxOrdering {
		return sentence(fmt.Sprintf("Must have at most %d columns.", contract.MaxOrdering))
	}
	return nil
}

func (r Reader) number(schema *openapi3.Schema, sent string) (string, error) {
	n, err := strconv.Atoi(sent)
	if whole, ok := contract.WholeNumber(sent); err != nil && ok && !r.Strict {
		sent = whole
		n, err = strconv.Atoi(whole)
	}
	if err != nil {
		return "", sentence("Must be a whole number.")
	}
	if schema.Min != nil && float64(n) < *schema.Min || schema.Max != nil && float64(n) > *schema.Max {
		return "", sentence(fmt.Sprintf("Must be between %v and %v.", *schema.Min, *schema.Max))
	}
	return sent, nil
}

func checkText(schema *openapi3.Schema, value string) error {
	if !enumerated(schema, value) {
		return sentence("Must be one of " + choices(schema.Enum) + ".")
	}
	if schema.MaxLength != nil && utf8.RuneCountInString(value) > int(*schema.MaxLength) { //nolint:gosec // our bound
		return sentence(fmt.Sprintf("Must have at most %d characters.", *schema.MaxLength))
	}
	if most, limited := contract.MaxWords(schema); limited && len(text.Words(value)) > most {
		return sentence(fmt.Sprintf("Must have at most %v different words.", most))
	}
	if schema.Format == "date" {
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return sentence("Must be a date: YYYY-MM-DD.")
		}
	}
	if schema.Format == "uuid" {
		if _, err := uuid.Parse(value); err != nil || len(value) != 36 {
			return sentence("Must be a UUID.")
		}
	}
	return nil
}

// choices returns the values of an enum for an error message.
func choices(enum []any) string {
	texts := make([]string, len(enum))
	for i, value := range enum {
		texts[i] = fmt.Sprint(value)
	}
	return strings.Join(texts, ", ")
}

// enumerated reports whether value is in the schema's enum, or the schema has no enum.
func enumerated(schema *openapi3.Schema, value string) bool {
	return len(schema.Enum) == 0 || slices.ContainsFunc(schema.Enum, func(one any) bool {
		listed, _ := one.(string)
		return listed == value || contract.AnyCase(schema) && strings.EqualFold(listed, value)
	})
}
