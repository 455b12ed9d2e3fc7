package rest

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/contract"
	"healthcare/platform/errs"
)

// thing has the form of generated types: required, optional, and nullable members.
type thing struct {
	Name  string                    `json:"name"`
	Count int                       `json:"count,omitempty"`
	Alive *bool                     `json:"alive,omitempty"`
	Note  nullable.Nullable[string] `json:"note,omitempty"`
}

func same(in thing) thing { return in }

// bodyOf calls Body for a request with the body raw.
func bodyOf[Out any](raw string, convert func(thing) Out) (Out, error) {
	app := fiber.New()
	c := app.AcquireCtx(&fasthttp.RequestCtx{})
	defer app.ReleaseCtx(c)
	c.Request().Header.SetContentType(fiber.MIMEApplicationJSON)
	c.Request().SetBodyString(raw)
	return Body(c, convert)
}

// nested returns an object with the given nesting depth.
func nested(levels int) string {
	return `{"name":"a","deep":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`
}

func TestX11_MalformedBodies(t *testing.T) {
	for name, raw := range map[string]string{
		"nothing":                               "",
		"white space":                           " \r\n\t",
		"null":                                  "null",
		"an array":                              `[{"name":"a"}]`,
		"an empty array":                        "[]",
		"text":                                  `"name"`,
		"a number":                              "1",
		"a boolean":                             "true",
		"half an object":                        `{"name":"a"`,
		"half a text":                           `{"name":"a`,
		"a trailing comma":                      `{"name":"a",}`,
		"a comment":                             `{"name":"a"/**/}`,
		"single quotes":                         `{'name':'a'}`,
		"a bare name":                           `{name:"a"}`,
		"not a number":                          `{"name":"a","count":NaN}`,
		"a number with a leading zero":          `{"name":"a","count":01}`,
		"a number with a plus":                  `{"name":"a","count":+1}`,
		"a hexadecimal number":                  `{"name":"a","count":0x1}`,
		"two values":                            `{"name":"a"}{"name":"b"}`,
		"trailing data":                         `{"name":"a"}x`,
		"a trailing NUL":                        "{\"name\":\"a\"}\x00",
		"a trailing closing brace":              `{"name":"a"}}`,
		"a byte order mark alone":               "\ufeff",
		"a byte order mark and white space":     "\ufeff \n",
		"two byte order marks":                  "\ufeff\ufeff{\"name\":\"a\"}",
		"a byte order mark after white space":   " \ufeff{\"name\":\"a\"}",
		"a byte order mark behind the object":   "{\"name\":\"a\"}\ufeff",
		"a byte order mark of UTF-16":           "\xff\xfe{\x00}\x00",
		"half a byte order mark":                "\xef\xbb{\"name\":\"a\"}",
		"UTF-16":                                "{\x00}\x00",
		"a name twice":                          `{"name":"a","name":"b"}`,
		"an unknown name twice":                 `{"name":"a","x":1,"x":2}`,
		"a name twice, once escaped":            `{"name":"a","n\u0061me":"b"}`,
		"a name twice, further down":            `{"name":"a","x":[{"y":1,"y":2}]}`,
		"invalid UTF-8":                         "{\"name\":\"\xff\"}",
		"invalid UTF-8 in a name":               "{\"name\":\"a\",\"\xc3\x28\":1}",
		"an overlong slash":                     "{\"name\":\"\xc0\xaf\"}",
		"a surrogate as UTF-8":                  "{\"name\":\"\xed\xa0\x80\"}",
		"a lone high surrogate":                 `{"name":"\ud800"}`,
		"a lone low surrogate":                  `{"name":"\udc00"}`,
		"surrogates the wrong way round":        `{"name":"\udc00\ud800"}`,
		"a raw control character":               "{\"name\":\"\x01\"}",
		"a raw newline in text":                 "{\"name\":\"a\nb\"}",
		"a NUL":                                 `{"name":"a\u0000b"}`,
		"a NUL in a name":                       `{"name":"a","b\u0000":1}`,
		"a NUL in an unknown member":            `{"name":"a","x":{"y":["\u0000"]}}`,
		"33 levels":                             nested(33),
		"33 levels of objects":                  strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33),
		"a thousand levels that are not closed": strings.Repeat(`{"a":[`, 1000),
	} {
		t.Run(name+" is malformed", func(t *testing.T) {
			_, err := bodyOf(raw, same)
			require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
			var e *errs.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, "malformed_json", e.Code)
			require.Empty(t, e.Fields)
		})
	}
}

func TestX11_AcceptedBodies(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		raw  string
		want thing
	}{
		"an object": {
			`{"name":"a","count":2,"alive":true}`, thing{Name: "a", Count: 2, Alive: &yes},
		},
		"white space around it":           {" \r\n{ \"name\" : \"a\" }\t", thing{Name: "a"}},
		"a byte order mark before it":     {"\ufeff{\"name\":\"a\"}", thing{Name: "a"}},
		"a byte order mark and a newline": {"\ufeff\r\n{\"name\":\"\ufeffa\"}", thing{Name: "\ufeffa"}},
		"escapes":                         {`{"n\u0061me":"\u00e9\ud83d\ude00\/\""}`, thing{Name: "é😀/\""}},
		"a replacement character":         {`{"name":"\ufffd"}`, thing{Name: "\ufffd"}},
		"an unknown member is ignored":    {`{"name":"a","id":"1","owner":null}`, thing{Name: "a"}},
		"a name in other letters is not": {
			`{"name":"a","Name":"b","NAME":"c","Count":3,"coUnt":4}`, thing{Name: "a"},
		},
		"the name of a Go field is not": {`{"name":"a","Alive":true}`, thing{Name: "a"}},
		"an empty name is unknown":      {`{"name":"a","":"b","-":"c"}`, thing{Name: "a"}},
		"32 levels":                     {nested(32), thing{Name: "a"}},
		"minus zero is zero":            {`{"name":"a","count":-0}`, thing{Name: "a"}},
		"the largest number": {
			`{"name":"a","count":9223372036854775807}`, thing{Name: "a", Count: 1<<63 - 1},
		},
		"a huge number in an unknown member": {`{"name":"a","x":1e999}`, thing{Name: "a"}},
		"a member called like a prototype":   {`{"name":"a","__proto__":{"count":1}}`, thing{Name: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := bodyOf(c.raw, same)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	t.Run("null and absent differ where null is allowed", func(t *testing.T) {
		absent, err := bodyOf(`{"name":"a"}`, same)
		require.NoError(t, err)
		require.False(t, absent.Note.IsSpecified())
		require.Nil(t, Text(absent.Note))
		null, err := bodyOf(`{"name":"a","note":null}`, same)
		require.NoError(t, err)
		require.True(t, null.Note.IsNull())
		require.Empty(t, *Text(null.Note))
	})
}

func TestX11_WrongFields(t *testing.T) {
	const required, null = "This field is required.", "May not be null."
	const text, whole, truth = "Must be a string.", "Must be a whole number.", "Must be true or false."
	for raw, want := range map[string]map[string]string{
		`{}`:                                                    {"name": required},
		`{"Name":"a"}`:                                          {"name": required},
		`{"name":null}`:                                         {"name": null},
		`{"name":["a"]}`:                                        {"name": text},
		`{"name":{"name":"a"}}`:                                 {"name": text},
		`{"name":"a","count":null}`:                             {"count": null},
		`{"name":"a","alive":null}`:                             {"alive": null},
		`{"name":"a","count":""}`:                               {"count": whole},
		`{"name":"a","count":true}`:                             {"count": whole},
		`{"name":"a","count":1.5}`:                              {"count": whole},
		`{"name":"a","count":1e999}`:                            {"count": whole},
		`{"name":"a","alive":1}`:                                {"alive": truth},
		`{"name":"a","alive":"true"}`:                           {"alive": truth},
		`{"name":"a","count":9223372036854775808}`:              {"count": whole},
		`{"name":"a","count":-9223372036854775809}`:             {"count": whole},
		`{"name":"a","count":` + strings.Repeat("9", 1e4) + "}": {"count": whole},
		`{"name":"a","count":"one"}`:                            {"count": whole},
		`{"name":"a","count":" "}`:                              {"count": whole},
		`{"name":"a","count":1e400}`:                            {"count": whole},
		`{"name":true,"count":"x","alive":0,"note":[]}`: {
			"name": text, "count": whole, "alive": truth, "note": text,
		},
	} {
		t.Run(raw[:min(len(raw), 60)], func(t *testing.T) {
			_, err := bodyOf(raw, same)
			var e *errs.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, errs.Invalid, e.Kind)
			require.Equal(t, "validation_failed", e.Code)
			got := map[string]string{}
			for field, messages := range e.Fields {
				require.Len(t, messages, 1)
				got[field] = messages[0]
			}
			require.Equal(t, want, got)
		})
	}
}

// ruled has a method Validate, as inputs of use cases do.
type ruled thing

// Validate reports every field at once.
func (r ruled) Validate() error {
	checks := map[string]error{}
	if r.Name == "" {
		checks["name"] = errs.Invalidf("name", "Must not be empty.")
	}
	if r.Count < 1 {
		checks["count"] = errs.Invalidf("count", "Must be at least 1.")
	}
	return errs.Fields(checks)
}

func TestX11_ReportsWrongTypesAndBrokenRulesTogether(t *testing.T) {
	read := func(raw string) map[string][]string {
		_, err := bodyOf(raw, func(in thing) ruled { return ruled(in) })
		var e *errs.Error
		require.ErrorAs(t, err, &e)
		return e.Fields
	}
	t.Run("a wrong type beside a broken rule", func(t *testing.T) {
		fields := read(`{"name":"","count":1,"alive":"no"}`)
		require.Len(t, fields, 2)
		require.Contains(t, fields, "name")
		require.Contains(t, fields, "alive")
	})
	t.Run("a wrong type replaces the message of the rule that its zero value breaks", func(t *testing.T) {
		fields := read(`{"name":[7],"count":"x"}`)
		require.Equal(
			t, map[string][]string{"name": {"Must be a string."}, "count": {"Must be a whole number."}}, fields,
		)
	})
	t.Run("broken rules alone are left to the use case", func(t *testing.T) {
		_, err := bodyOf(`{"name":"","count":0}`, func(in thing) ruled { return ruled(in) })
		require.NoError(t, err)
	})
}

// fieldsOf returns the rejected fields of a validation error.
func fieldsOf(t *testing.T, err error) map[string][]string {
	t.Helper()
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	return e.Fields
}

func TestX11_MessagesAboutMalformedBodies(t *testing.T) {
	for raw, want := range map[string]string{
		"":                         "The body is empty; a JSON object is expected.",
		" \n":                      "The body is empty; a JSON object is expected.",
		"1":                        "The body must be a JSON object.",
		"[]":                       "The body must be a JSON object.",
		`{"name":"a" "b"}`:         "The body is not well-formed JSON (at byte 11).",
		"\ufeff{\"name\":1 \"b\"}": "The body is not well-formed JSON (at byte 12).",
		`{"name":"a\u0000"}`:       "The body holds a NUL character (before byte 17).",
		`{"name":"a"}{}`:           "The body holds more than one JSON value.",
		nested(33):                 "The body is nested deeper than 32 levels.",
	} {
		t.Run(raw, func(t *testing.T) {
			_, err := bodyOf(raw, same)
			require.ErrorContains(t, err, want)
		})
	}
}

func TestX11_AcceptsManyBracketsAtAnAllowedDepth(t *testing.T) {
	many := `{"name":"a","x":[` + strings.Repeat("[],", 40) + `{}],"y":"\\u0000",`
	for _, raw := range []string{many + `"z":1}`, many + nested(32)[1 : len(nested(32))-1][len(`"name":"a",`):] + "}"} {
		got, err := bodyOf(raw, same)
		require.NoError(t, err)
		require.Equal(t, "a", got.Name)
	}
}

func TestLosslessConversions(t *testing.T) {
	for raw, want := range map[string]thing{
		`{"name":"a","count":31.0}`:     {Name: "a", Count: 31},
		`{"name":"a","count":"31"}`:     {Name: "a", Count: 31},
		`{"name":"a","count":" 3.1e1"}`: {Name: "a", Count: 31},
		`{"name": 1.50 }`:               {Name: "1.50"},
	} {
		t.Run(raw, func(t *testing.T) {
			got, err := bodyOf(raw, same)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	t.Run("exact members are not converted, and members after them are", func(t *testing.T) {
		operation := &contract.Operation{Exact: map[string]bool{"name": true}}
		c := newRequest(t, &Call{Settings: &Settings{}, Operation: operation}, "POST", "/things/")
		c.Request().SetBodyString(`{"name":5,"count":"2"}`)
		_, err := Body(c, same)
		require.Equal(t, map[string][]string{"name": {"Must be a string."}}, fieldsOf(t, err))
	})
}
