// Package resttest has assertions for the tests of adapters/rest.
package resttest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// RequireEveryMember asserts that filled, the response for a record without an empty field, has every member of the
// generated type T in JSON, and that each differs from that of empty, the response for the zero record. A test that
// calls it fails until a new member is mapped and its record has a value for it.
func RequireEveryMember[T any](t testing.TB, filled, empty T) {
	t.Helper()
	requireMembers(t, reflect.TypeFor[T](), object(t, filled), object(t, empty))
}

// object returns the members of the JSON of a response.
func object(t testing.TB, response any) (members map[string]any) {
	t.Helper()
	text, err := json.Marshal(response)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &members))
	return members
}

func requireMembers(t testing.TB, response reflect.Type, filled, empty map[string]any) {
	t.Helper()
	for field := range response.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		require.Contains(t, filled, name, "a member of %s is omitted", response)
		require.Contains(t, empty, name, "a member of %s is omitted for an empty record", response)
		nested, isObject := filled[name].(map[string]any)
		nestedEmpty, bothObjects := empty[name].(map[string]any)
		if isObject && bothObjects && field.Type.Kind() == reflect.Struct {
			requireMembers(t, field.Type, nested, nestedEmpty)
			continue
		}
		require.NotEqual(t, empty[name], filled[name],
			"%s.%s is that of an empty record: map it, and give the record of the test a value", response, field.Name)
	}
}
