package query

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"healthcare/platform/errs"
)

// read reads a query of a list that has a parameter of every kind.
func read(r Reader, raw string) (string, map[string][]string) {
	var query fasthttp.Args
	query.Parse(raw)
	r.Array = true
	canonical, err := r.Read(&query, everyKind())
	if err != nil {
		return "", err.(*errs.Error).Fields
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
