package query

import (
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/contract"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
)

// everyKind returns one parameter of each kind that a contract may describe.
func everyKind() contract.Parameters {
	either := openapi3.NewStringSchema().WithEnum("name", "-name")
	return contract.Parameters{
		"limit":    openapi3.NewIntegerSchema().WithMin(1).WithMax(500),
		"doctor":   openapi3.NewStringSchema().WithFormat("uuid"),
		"after":    openapi3.NewStringSchema().WithFormat("date-time"),
		"search":   openapi3.NewStringSchema().WithMaxLength(10),
		"ordering": openapi3.NewArraySchema().WithItems(either), "kind": openapi3.NewStringSchema().WithEnum("a", "b"),
	}
}

// FuzzQuery checks that no query makes the reader panic, that a rejection repeats only names that a client sent, and
// that an accepted value has the described type.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "limit=1", "limit=501", "limit=1&limit=2", "limit=+1", "limit=0x1", "limit=9223372036854775808", "limit",
		"=", "&&", "limit=%", "%6cimit=1",
		"doctor=0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b", "doctor={0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b}",
		"doctor=urn:uuid:0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b",
		"after=2026-11-22T22:29:36Z", "after=2026-11-22T22:29:36%2B05:30", "after=2026-11-22T24:00:00Z",
		"after=0000-01-01T00:00:00%2B23:59",
		"after=2026-11-22T22:29:36+05:30", "after=2026-11-22", "after=0001-01-01", "limit=+31.0+", "limit=5e-1",
		"limit=0e9", "ordering=name&ordering=-name", "_=1&format=json",
		"search=%00", "search=%ff", "search=%F0%A0%AE%B7", "search=aaaaaaaaaaa", "ordering=name,-name", "ordering=,",
		"ordering=", "kind=c", "<script>=1", "Limit=1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var query fasthttp.Args
		query.Parse(raw)
		canonical, err := Reader{Array: true}.Read(&query, everyKind())
		if err != nil {
			var e *errs.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, errs.Invalid, e.Kind)
			for name := range e.Fields {
				require.Equal(t, name, errs.FieldName(name, "query"))
			}
			return
		}
		if canonical != nil {
			query.Reset()
			query.Parse(canonical.Encode())
		}
		for k, v := range query.All() {
			requireDescribed(t, string(k), string(v))
		}
	})
}

func TestChoicesAreListed(t *testing.T) {
	var query fasthttp.Args
	query.Parse("ordering=foo&kind=c")
	_, err := Reader{}.Read(&query, everyKind())
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	require.Equal(
		t, map[string][]string{"ordering": {"Must be one of name, -name."}, "kind": {"Must be one of a, b."}}, e.Fields,
	)
}

func requireDescribed(t *testing.T, name, value string) {
	t.Helper()
	require.True(t, utf8.ValidString(value) && !strings.ContainsRune(value, 0))
	switch name {
	case "limit":
		n, err := strconv.Atoi(value)
		require.NoError(t, err)
		require.True(t, n >= 1 && n <= 500)
	case "doctor":
		require.True(t, strings.EqualFold(value, rest.UUID(&value).String()))
	case "after":
		at := rest.Instant(&value)
		require.WithinRange(
			t, at, time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10001, 1, 1, 0, 0, 0, 0, time.UTC),
		)
		again := at.UTC().Format(time.RFC3339Nano)
		require.True(t, rest.Instant(&again).Equal(at), "%q is a time that cannot be spelt: %s", value, again)
	case "search":
		require.LessOrEqual(t, utf8.RuneCountInString(value), 10)
	case "ordering":
		for part := range strings.SplitSeq(value, ",") {
			require.Equal(t, "name", strings.TrimPrefix(part, "-"))
		}
	default:
		require.Equal(t, "kind", name, "an undescribed parameter was accepted")
		require.Contains(t, []string{"a", "b"}, value)
	}
}
