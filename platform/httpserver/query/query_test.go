package query

import (
	"errors"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/contract"
	"healthcare/platform/errs"
)

// read reads a query of a list that has a parameter of every kind.
func read(r Reader, raw string) (string, map[string][]string) {
	var query fasthttp.Args
	query.Parse(raw)
	r.Array = true
	canonical, err := r.Read(&query, everyKind())
	if err != nil {
		var invalid *errs.Error
		errors.As(err, &invalid)
		return "", invalid.Fields
	}
	return canonical.Encode(), nil
}

func TestRejectedValues(t *testing.T) {
	const id = "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"
	for raw, want := range map[string]string{
		"doctor=" + id[:35] + "g":                        "Must be a UUID.",
		"doctor=" + id[:35]:                              "Must be a UUID.",
		"doctor=0193525f1f707cc1a0e20f6e2b6cfe3b":        "Must be a UUID.",
		"doctor=" + "0193525f_1f70_7cc1_a0e2_0f6e2b6cfe": "Must be a UUID.",
		"doctor=xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx":    "Must be a UUID.",
		"doctor={" + id + "}":                            "Must be a UUID.",

		"after=99999":                     timeFormat,
		"after=12024-01-01":               timeFormat,
		"after=12024-01-01T00:00:00Z":     timeFormat,
		"after=%2B12024-01-01":            timeFormat,
		"after=-2024-01-01":               timeFormat,
		"after=9999-12-31T23:59:59-01:00": timeFormat + " Its year must be between 1 and 9999 in UTC.",
	} {
		t.Run("rejects "+raw, func(t *testing.T) {
			_, rejected := read(Reader{}, raw)
			require.Len(t, rejected, 1)
			for _, reasons := range rejected {
				require.Equal(t, []string{want}, reasons)
			}
		})
	}
	for _, raw := range []string{"doctor=" + id, "after=9999-12-31", "after=0001-01-02"} {
		t.Run("accepts "+raw, func(t *testing.T) {
			_, rejected := read(Reader{}, raw)
			require.Empty(t, rejected)
		})
	}
}

// listed returns the parameters of a list with each kind of rule.
func listed() contract.Parameters {
	columns := []any{}
	for _, column := range []string{"name", "age", "a", "b", "c"} {
		columns = append(columns, column, "-"+column)
	}
	anyCase := openapi3.NewStringSchema().WithEnum("male", "female")
	anyCase.Extensions = map[string]any{"x-any-case": true}
	words := openapi3.NewStringSchema().WithMaxLength(10)
	words.Extensions = map[string]any{"x-max-words": float64(2)}
	return contract.Parameters{
		"limit": openapi3.NewIntegerSchema().WithMin(1).WithMax(500), "active": openapi3.NewBoolSchema(),
		"after":    openapi3.NewStringSchema().WithFormat("date-time"),
		"ordering": openapi3.NewArraySchema().WithItems(openapi3.NewStringSchema().WithEnum(columns...)),
		"gender":   anyCase, "kind": openapi3.NewStringSchema().WithEnum("a", "b"), "search": words,
	}
}

func TestCanonicalForm(t *testing.T) {
	list, strict := Reader{Array: true}, Reader{Array: true, Strict: true}
	const sent = "as it was sent"
	for _, c := range []struct {
		reader    Reader
		raw, want string
	}{
		{list, "", sent}, {list, "limit=5", sent}, {list, "limit=1", sent}, {list, "limit=500", sent},
		{list, "limit=5.0", "limit=5"}, {list, "limit=%2B5", sent},
		{list, "limit=", ""}, {list, "search=+", ""}, {strict, "search=", ""}, {strict, "search=+", sent},
		{list, "_=1", ""}, {list, "format=", ""}, {list, "format=json", ""}, {list, "_=1&limit=5", "limit=5"},
		{list, "active=true", sent}, {list, "active=false", sent},
		{list, "after=2026-01-01", "after=2026-01-01T00%3A00%3A00Z"},
		{list, "after=2026-01-01T00:00:00Z", sent}, {list, "after=0001-01-01T00:00:00Z", sent},
		{list, "after=9999-12-31T23:59:59Z", sent},
		{list, "ordering=name,-age", sent}, {list, "ordering=name,+age", "ordering=name%2Cage"},
		{list, "ordering=name&ordering=-age", "ordering=name%2C-age"}, {list, "ordering=name,age,a,b", sent},
		{list, "search=aaaaaaaaaa", sent}, {list, "search=ää+öö", sent}, {list, "search=a+b+A", sent},
		{list, "gender=FEMALE", sent}, {list, "gender=female", sent}, {list, "kind=b", sent},
	} {
		t.Run("["+c.raw+"] is read as ["+c.want+"]", func(t *testing.T) {
			var query fasthttp.Args
			query.Parse(c.raw)
			canonical, err := c.reader.Read(&query, listed())
			require.NoError(t, err)
			if c.want == sent {
				require.Nil(t, canonical)
			} else {
				require.NotNil(t, canonical)
				require.Equal(t, c.want, canonical.Encode())
			}
		})
	}
}

func TestRejectedQueries(t *testing.T) {
	list, strict, single := Reader{Array: true}, Reader{Array: true, Strict: true}, Reader{}
	const (
		supported = "Unknown parameter. Supported parameters: active, after, gender, kind, limit, ordering, search."
		between   = "Must be between 1 and 500."
		whole     = "Must be a whole number."
	)
	for _, c := range []struct {
		reader           Reader
		raw, field, want string
	}{
		{list, "limit=0", "limit", between}, {list, "limit=501", "limit", between}, {list, "limit=x", "limit", whole},
		{list, "limit=1.5", "limit", whole}, {strict, "limit=5.0", "limit", whole}, {single, "limit=", "limit", whole},
		{list, "limit=1&limit=2", "limit", "Given more than once."},
		{list, "limit=1&limit=x", "limit", "Given more than once."},
		{list, "active=yes", "active", "Must be true or false."},
		{list, "ordering=name,-name", "ordering", "Each column may be named once."},
		{list, "ordering=name,age,a,b,c", "ordering", "Must have at most 4 columns."},
		{strict, "ordering=name,+age", "ordering", "Must be one of name, -name, age, -age, a, -a, b, -b, c, -c."},
		{list, "search=aaaaaaaaaaa", "search", "Must have at most 10 characters."},
		{list, "search=a+b+c", "search", "Must have at most 2 different words."},
		{list, "search=%00", "search", "Must be text in UTF-8, without NUL."},
		{list, "search=%ff", "search", "Must be text in UTF-8, without NUL."},
		{list, "kind=B", "kind", "Must be one of a, b."}, {list, "gender=x", "gender", "Must be one of male, female."},
		{list, "format=xml", "format", "Responses are JSON. Omit this parameter, or send json."},
		{single, "format=json", "format", supported}, {single, "_=1", "_", supported},
		{list, "nonsense=", "nonsense", supported}, {list, "nonsense=1", "nonsense", supported},
		{Reader{Array: true, Django: true, Strict: true}, "nonsense=1", "nonsense", supported},
	} {
		t.Run("["+c.raw+"] is rejected", func(t *testing.T) {
			var query fasthttp.Args
			query.Parse(c.raw)
			_, err := c.reader.Read(&query, listed())
			var rejected *errs.Error
			require.ErrorAs(t, err, &rejected)
			require.Equal(t, map[string][]string{c.field: {c.want}}, rejected.Fields)
		})
	}
	t.Run("all wrong parameters are reported at once", func(t *testing.T) {
		var query fasthttp.Args
		query.Parse("limit=0&kind=c&nonsense=1&format=xml&active=false")
		_, err := list.Read(&query, listed())
		var rejected *errs.Error
		require.ErrorAs(t, err, &rejected)
		require.Len(t, rejected.Fields, 4)
	})
}

func TestUnknownParameters(t *testing.T) {
	var query fasthttp.Args
	query.Parse("nonsense=1&limit=5")
	t.Run("of a list are ignored and reported to clients of the original", func(t *testing.T) {
		ignored := map[string]bool{}
		canonical, err := Reader{Array: true, Django: true, Ignored: ignored}.Read(&query, listed())
		require.NoError(t, err)
		require.Equal(t, "limit=5", canonical.Encode())
		require.Equal(t, map[string]bool{"nonsense": true}, ignored)
	})
	t.Run("are ignored by an operation without parameters", func(t *testing.T) {
		canonical, err := Reader{}.Read(&query, nil)
		require.NoError(t, err)
		require.Nil(t, canonical)
	})
	t.Run("are rejected by an operation with one parameter", func(t *testing.T) {
		_, err := Reader{}.Read(&query, contract.Parameters{"limit": openapi3.NewIntegerSchema().WithMin(1).WithMax(9)})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
	})
}

func TestRequiredDatesAndArrays(t *testing.T) {
	const first, second = "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3c"
	doctors := openapi3.NewArraySchema().WithItems(openapi3.NewUUIDSchema()).WithMaxItems(2).WithUniqueItems(true)
	described := contract.Parameters{
		"type": openapi3.NewStringSchema(), "from": openapi3.NewStringSchema().WithFormat("date"), "doctor": doctors,
	}
	read := func(raw string) (string, map[string][]string) {
		var query fasthttp.Args
		query.Parse(raw)
		canonical, err := Reader{Required: []string{"type"}}.Read(&query, described)
		if rejected, is := errors.AsType[*errs.Error](err); is {
			return "", rejected.Fields
		}
		return canonical.Encode(), nil
	}
	for raw, want := range map[string]map[string][]string{
		"":                       {"type": {"This parameter is required."}},
		"type=":                  {"type": {"This parameter is required."}},
		"from=x":                 {"type": {"This parameter is required."}, "from": {"Must be a date: YYYY-MM-DD."}},
		"type=a&from=2026-02-29": {"from": {"Must be a date: YYYY-MM-DD."}},
		"type=a&doctor=b":        {"doctor": {"Must be a UUID."}},

		"type=a&doctor=" + first + "," + first:                {"doctor": {"Each value may be given once."}},
		"type=a&doctor=" + first + "," + second + "," + first: {"doctor": {"Must have at most 2 values."}},
	} {
		t.Run("["+raw+"] is rejected", func(t *testing.T) {
			_, rejected := read(raw)
			require.Equal(t, want, rejected)
		})
	}
	t.Run("repeated values of an array are one parameter", func(t *testing.T) {
		canonical, rejected := read("type=a&from=2028-02-29&doctor=" + first + "&doctor=" + second)
		require.Empty(t, rejected)
		require.Equal(t, "doctor="+first+"%2C"+second+"&from=2028-02-29&type=a", canonical)
	})
}
