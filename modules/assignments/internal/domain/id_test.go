package domain_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/assignments"
)

func TestParseID(t *testing.T) {
	const canonical = "0193556a-1c2d-7e3f-8a4b-5c6d7e8f9012"
	t.Run("reads an id in its canonical form, in either letter case", func(t *testing.T) {
		for _, text := range []string{canonical, "0193556A-1C2D-7E3F-8A4B-5C6D7E8F9012"} {
			id, err := assignments.ParseID(text)
			require.NoError(t, err)
			require.Equal(t, assignments.ID{UUID: uuid.MustParse(canonical)}, id)
			require.Equal(t, canonical, id.String())
		}
	})
	for _, text := range []string{
		"", "7", "abc", "0193556a1c2d7e3f8a4b5c6d7e8f9012", "{" + canonical + "}", "urn:uuid:" + canonical, canonical + " ", " " + canonical,
		"0193556a-1c2d-7e3f-8a4b-5c6d7e8f901g", "{0193556a1c2d7e3f8a4b5c6d7e8f9012}xx", canonical + "' OR 1=1 --", "００00556a-1c2d-7e3f-8a4b-5c6d7e8f",
	} {
		t.Run(`"`+text+`" names nobody`, func(t *testing.T) {
			id, err := assignments.ParseID(text)
			require.ErrorIs(t, err, assignments.ErrNotFound)
			require.Zero(t, id)
		})
	}
}
