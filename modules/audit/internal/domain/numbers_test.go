package domain_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/audit/internal/domain"
)

// newNumbers returns the set of some numbers.
func newNumbers(all ...uint64) (n domain.Numbers) {
	for _, number := range all {
		n.Add(number)
	}
	return n
}

func TestNumbersEqualASet(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var numbers domain.Numbers
		model := map[uint64]bool{}
		for range rapid.IntRange(0, 60).Draw(r, "steps") {
			number := rapid.Uint64Range(1, 12).Draw(r, "number")
			if rapid.Bool().Draw(r, "remove") {
				numbers.Remove(number)
				delete(model, number)
			} else if numbers.Add(number) == model[number] {
				r.Fatal("Add should report whether the number was added")
			} else {
				model[number] = true
			}
			if !slices.Equal(slices.Collect(numbers.All()), slices.Sorted(maps.Keys(model))) {
				r.Fatal(slices.Collect(numbers.All()), model)
			}
			if numbers.Contains(number) != model[number] {
				r.Fatal(number, model)
			}
		}
	})
}

func TestCloneKeepsTheFirstRanges(t *testing.T) {
	numbers := newNumbers(1, 2, 3, 5, 7, 8)
	first := numbers.Clone(2)
	require.Equal(t, []uint64{1, 2, 3, 5}, slices.Collect(first.All()))
	first.Add(6)
	require.False(t, numbers.Contains(6), "a clone is independent")
}
