package domain_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
)

func TestR44_AnEntryHasNoRoomForAValue(t *testing.T) {
	require.NoError(t, recorded(1).Check())
	for why, e := range map[string]domain.Entry{
		"a field's name is no value":  {Fields: []string{"Ananya Verma"}},
		"nor an empty one":            {Fields: []string{""}},
		"nor an address":              {Fields: []string{"ananya@mail.example"}},
		"a text is short":             {RequestID: strings.Repeat("x", 129)},
		"what is named is counted":    {IDs: make([]uuid.UUID, 3), Count: 2},
		"a count is not less than 0":  {Count: -1},
		"what it is about is a name":  {ResourceType: strings.Repeat("x", 129)},
		"where it came from is short": {Address: strings.Repeat("1", 129)},
	} {
		err := e.Check()
		require.Error(t, err, why)
		require.NotContains(t, err.Error(), "nanya")
	}
}

// Computed by hand in Python, after canonical's comment. The bytes are a promise: when this fails, trails that are out there are void.
func TestTheFirstEntryOfAKnownTrailHasAKnownMAC(t *testing.T) {
	sound := trailOf(2)
	require.Equal(t, "5f756d5b371031f91cb86c542198e7f9d3237bd94e62e3c55a864162bbbed364", domain.Genesis(1).MAC.String())
	require.Equal(t, "b03f4b010ac010b4a13e3a48812448bf8f446890957f2ae0f704929b417c38a1", sound.entries[0].MAC.String())
	require.Equal(t, "17a33e49a2cafc28a71b3a5ab138c7ab37befdc3c3d8c6dc33b43aa376fb3802", sound.entries[1].MAC.String())
}
