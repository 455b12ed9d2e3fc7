package rest

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"healthcare/platform/errs"
)

// FuzzBody checks that no body makes the reader panic, that rejections are errs.Invalid with fixed texts, and that an
// accepted body has the same value when it is encoded and read again.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "null", `{"name":"a"}`, `{"name":"a","count":1,"alive":false,"note":null}`,
		`{"name":"\ud83d\ude00\u0000"}`,
		`{"name":"a","name":"b"}`, `{"Name":"a"}`, `{"name":"a","count":1e2}`, `{"name":"a","count":-0}`,
		`{"name":"a","note":"\uD800"}`,
		"{\"name\":\"\xff\"}", `{"name":"a"}{}`, nested(32), nested(33), strings.Repeat(`{"":`, 40),
		`{"note":{"true":"a"},"name":[]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := bodyOf(raw, same)
		if err != nil {
			var e *errs.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, errs.Invalid, e.Kind)
			require.Contains(t, []string{"malformed_json", "validation_failed"}, e.Code)
			for field := range e.Fields {
				require.Contains(t, []string{"name", "count", "alive", "note"}, field)
			}
			return
		}
		require.True(t, json.Valid([]byte(raw)))
		for _, text := range []string{got.Name, OrEmpty(got.Note)} {
			require.True(t, utf8.ValidString(text))
			require.NotContains(t, text, "\x00")
		}
		again, err := json.Marshal(got)
		require.NoError(t, err)
		reread, err := bodyOf(string(again), same)
		require.NoError(t, err, "%s", again)
		require.Equal(t, got, reread)
	})
}
