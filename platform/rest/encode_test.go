package rest

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/platform/paging"
)

func TestEncodeJSON(t *testing.T) {
	_, err := EncodeJSON(func() {})
	require.Error(t, err)
	for range 20 { // the order of a map's members is random otherwise
		text, err := EncodeJSON(map[string]int{"d": 4, "b": 2, "a": 1, "c": 3, "e": 5})
		require.NoError(t, err)
		require.Equal(t, `{"a":1,"b":2,"c":3,"d":4,"e":5}`, string(text))
	}
}

type encodedPart struct {
	Text string `json:"text"`
}

// encoded has the kinds of members that the contract generates for responses.
type encoded struct {
	Text    string        `json:"text"`
	Maybe   NullableText  `json:"maybe"`
	Number  int           `json:"number"`
	Large   int64         `json:"large"`
	Yes     bool          `json:"yes"`
	At      Time          `json:"at"`
	ID      uuid.UUID     `json:"id"`
	Part    encodedPart   `json:"part"`
	Texts   []string      `json:"texts"`
	Parts   []encodedPart `json:"parts"`
	Pointer *encodedPart  `json:"pointer"`
	Any     any           `json:"any"`
}

// drawEncoded returns values with any text, number and time of four digits of the year.
func drawEncoded(t *rapid.T) encoded {
	part := rapid.Custom(func(t *rapid.T) encodedPart { return encodedPart{rapid.String().Draw(t, "text")} })
	v := encoded{
		Text: rapid.String().Draw(t, "text"), Maybe: NullableText(rapid.String().Draw(t, "maybe")),
		Number: rapid.Int().Draw(t, "number"), Large: rapid.Int64().Draw(t, "large"), Yes: rapid.Bool().Draw(t, "yes"),
		At: At(time.UnixMicro(rapid.Int64Range(-62135596800_000000, 253402300799_999999).Draw(t, "at"))),
		ID: uuid.New(), Part: part.Draw(t, "part"), Texts: rapid.SliceOf(rapid.String()).Draw(t, "texts"),
		Parts: rapid.SliceOf(part).Draw(t, "parts"), Any: rapid.Bool().Draw(t, "any"),
	}
	if rapid.Bool().Draw(t, "pointer") {
		v.Pointer = &v.Part
	}
	return v
}

func TestEncodeJSONEncodesAsTheLibraryDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawEncoded(t)
		library, err := json.Marshal(v)
		require.NoError(t, err)
		own, err := EncodeJSON(v)
		require.NoError(t, err)
		require.Equal(t, string(library), string(own))
	})
	type optional struct {
		Text string `json:"text,omitempty"`
	}
	type embedding struct {
		encodedPart
		More string `json:"more"`
	}
	for _, v := range []any{
		nil, "a", 1, []string(nil), struct{}{}, optional{}, optional{"a"}, embedding{}, struct{ Untagged int }{1},
		struct {
			Ignored int `json:"-"`
		}{},
	} {
		library, err := json.Marshal(v)
		require.NoError(t, err)
		own, err := EncodeJSON(v)
		require.NoError(t, err)
		require.Equal(t, string(library), string(own))
	}
}

func TestTimesAreFormattedAsWithALayout(t *testing.T) {
	const layout = "2006-01-02T15:04:05.000000Z"
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(0, rapid.Int64().Draw(t, "nanoseconds")).In(time.FixedZone("east", 5*60*60))
		text, err := At(at).MarshalText()
		require.NoError(t, err)
		require.Equal(t, at.UTC().Format(layout), string(text))
	})
}

// A page that cannot be encoded is an error without a body, also if the first items were encoded.
func TestPagesThatCannotBeEncoded(t *testing.T) {
	c := newRequest(t, newListCall(t, 2048), "GET", "/things/")
	page := paging.Page[string]{Items: []string{"a", "\xff"}}
	require.Error(t, SendPage(c, page, func(s string) encodedPart { return encodedPart{s} }))
	require.Empty(t, c.Response().Body())
	page.Items = []string{"a", "b"}
	require.NoError(t, SendPage(c, page, func(s string) encodedPart { return encodedPart{s} }))
	require.JSONEq(t, `[{"text":"a"},{"text":"b"}]`, string(c.Response().Body()))
	page.Items = nil
	c.Response().ResetBody()
	require.NoError(t, SendPage(c, page, func(s string) encodedPart { return encodedPart{s} }))
	require.Equal(t, `[]`, string(c.Response().Body()))
}
