package recordid_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/platform/recordid"
)

type (
	bookID   = recordid.Of[struct{ book bool }]
	authorID = recordid.Of[struct{ author bool }]
)

var errNotFound = errors.New("no such book")

func TestParse(t *testing.T) {
	const canonical = "0193556a-1c2d-7e3f-8a4b-5c6d7e8f9012"
	t.Run("reads an id in its canonical form, in either letter case", func(t *testing.T) {
		for _, text := range []string{canonical, "0193556A-1C2D-7E3F-8A4B-5C6D7E8F9012"} {
			id, err := recordid.Parse[bookID](text, errNotFound)
			require.NoError(t, err)
			require.Equal(t, bookID{UUID: uuid.MustParse(canonical)}, id)
			require.Equal(t, canonical, id.String())
		}
	})
	for _, text := range []string{
		"", "7", "abc", "0193556a1c2d7e3f8a4b5c6d7e8f9012", "{" + canonical + "}", "urn:uuid:" + canonical,
		canonical + " ", " " + canonical, canonical + "' OR 1=1 --",
		"0193556a-1c2d-7e3f-8a4b-5c6d7e8f901g", "0193556a01c2d-7e3f-8a4b-5c6d7e8f9012", // 36 characters
		"{0193556a1c2d7e3f8a4b5c6d7e8f9012}xx", "００00556a-1c2d-7e3f-8a4b-5c6d7e8f",
		"------------------------------------",
	} {
		t.Run(`rejects "`+text+`"`, func(t *testing.T) {
			id, err := recordid.Parse[bookID](text, errNotFound)
			require.ErrorIs(t, err, errNotFound)
			require.Zero(t, id)
		})
	}
}

func TestNew(t *testing.T) {
	earlier, later := recordid.New[bookID](), recordid.New[bookID]()
	require.Equal(t, uuid.Version(7), earlier.Version())
	require.Less(t, earlier.String(), later.String())
}

func TestOf(t *testing.T) {
	id := recordid.New[bookID]()
	t.Run("is its UUID in JSON, as a value and as a key", func(t *testing.T) {
		encoded, err := json.Marshal(map[bookID]bookID{id: id})
		require.NoError(t, err)
		require.JSONEq(t, `{"`+id.String()+`":"`+id.String()+`"}`, string(encoded))
		var decoded map[bookID]bookID
		require.NoError(t, json.Unmarshal(encoded, &decoded))
		require.Equal(t, map[bookID]bookID{id: id}, decoded)
	})
	t.Run("has the methods by which platform/database sends its 16 bytes", func(t *testing.T) {
		require.Implements(t, (*interface {
			driver.Valuer
			encoding.BinaryMarshaler
			Variant() uuid.Variant
		})(nil), id)
		require.Implements(t, (*interface {
			sql.Scanner
			encoding.BinaryUnmarshaler
		})(nil), &id)
	})
	t.Run("differs in type from an id of another kind", func(t *testing.T) {
		require.NotEqual(t, any(id), any(authorID(id)))
	})
}
