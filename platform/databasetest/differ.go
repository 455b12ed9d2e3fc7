package databasetest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// RequireAllDiffer fails unless every exported field of the struct before differs in after, except the named ones. A
// test that stores both values and reads them back therefore covers fields that are added later: it fails until they
// have values.
func RequireAllDiffer[T any](t testing.TB, before, after T, except ...string) {
	t.Helper()
	a, b := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range a.NumField() {
		field := a.Type().Field(i)
		if field.IsExported() && !slices.Contains(except, field.Name) {
			was, is := a.Field(i).Interface(), b.Field(i).Interface()
			require.NotEqual(t, was, is, "%s.%s must differ", a.Type(), field.Name)
		}
	}
}
