package domain_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
)

func TestR44_AnEntryCannotContainAValue(t *testing.T) {
	require.NoError(t, fullEntry(1).Check())
	for name, e := range map[string]domain.Entry{
		"a value as a field name":         {Fields: []string{"Ananya Verma"}},
		"an empty field name":             {Fields: []string{""}},
		"an address as a field name":      {Fields: []string{"ananya@mail.example"}},
		"a long request id":               {RequestID: strings.Repeat("x", 129)},
		"a count below the number of ids": {IDs: make([]uuid.UUID, 3), Count: 2},
		"a negative count":                {Count: -1},
		"a long resource type":            {ResourceType: strings.Repeat("x", 129)},
		"a count of 1 for two ids":        {IDs: make([]uuid.UUID, 2), Count: 1},
		"a long address":                  {Address: strings.Repeat("1", 129)},
	} {
		err := e.Check()
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "nanya")
	}
	for name, e := range map[string]domain.Entry{
		"ids without a count":        {IDs: make([]uuid.UUID, 3)},
		"a request id of 128 bytes":  {RequestID: strings.Repeat("x", 128)},
		"a count above the ids":      {IDs: make([]uuid.UUID, 3), Count: 4},
		"an entry without any value": {},
	} {
		require.NoError(t, e.Check(), name)
	}
}

func TestASecretIsNotPrinted(t *testing.T) {
	key := secret("entries")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		require.Equal(t, "key entries", fmt.Sprintf(verb, key), verb)
	}
}

// The MACs were computed independently in Python. If they change, existing trails no longer verify.
func TestMACsOfAKnownTrail(t *testing.T) {
	sound := newTrail(2)
	empty := sound.append(domain.Entry{}, keys)
	require.Equal(t, "7c139c4d839591881420e9e62ef47a619e1ee1d42ac3cad9a1df2f9957da7dba", empty.MAC.String())
	require.Equal(t, "5f756d5b371031f91cb86c542198e7f9d3237bd94e62e3c55a864162bbbed364", domain.Genesis(1).MAC.String())
	require.Equal(t, "b03f4b010ac010b4a13e3a48812448bf8f446890957f2ae0f704929b417c38a1", sound.entries[0].MAC.String())
	require.Equal(t, "17a33e49a2cafc28a71b3a5ab138c7ab37befdc3c3d8c6dc33b43aa376fb3802", sound.entries[1].MAC.String())
}

func TestParseMAC(t *testing.T) {
	text := domain.Genesis(1).MAC.String()
	mac, err := domain.ParseMAC(text)
	require.NoError(t, err)
	require.Equal(t, domain.Genesis(1).MAC, mac)
	for _, invalid := range []string{"", text[:62], text[:63], text + "0", text + "00", text + "x", "x" + text[1:]} {
		_, err := domain.ParseMAC(invalid)
		require.Error(t, err, invalid)
	}
}
