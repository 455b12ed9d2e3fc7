package recordid_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/recordid"
)

func TestSet(t *testing.T) {
	ids := make(recordid.Set[int])
	require.Empty(t, ids.All())
	for _, id := range []int{3, 1, 3} {
		ids.Add(id)
	}
	require.ElementsMatch(t, []int{1, 3}, ids.All())
	require.True(t, ids.Has(1))
	require.False(t, ids.Has(2))
}
