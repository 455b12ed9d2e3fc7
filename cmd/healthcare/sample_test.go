package main

import (
	"os"
	"slices"
	"testing"
)

// sampled is every third of generated cases, beginning with another one for each turn, so that every case comes up in some place. CORPORA=all, which is
// what CI says, is all of them everywhere.
func sampled[T any](turn int, all []T) []T {
	if os.Getenv("CORPORA") == "all" {
		return all
	}
	return slices.Collect(func(yield func(T) bool) {
		for i := turn % 3; i < len(all); i += 3 {
			if !yield(all[i]) {
				return
			}
		}
	})
}

// atLeast is how many of a whole corpus's cases a run has at least.
func atLeast(whole int) int {
	if os.Getenv("CORPORA") == "all" {
		return whole
	}
	return whole / 4
}

func TestSampled(t *testing.T) {
	t.Setenv("CORPORA", "")
	all := []int{1, 2, 3, 4, 5, 6, 7}
	together := slices.Sorted(slices.Values(slices.Concat(sampled(0, all), sampled(1, all), sampled(5, all))))
	if !slices.Equal(all, together) {
		t.Error(together)
	}
	t.Setenv("CORPORA", "all")
	if !slices.Equal(all, sampled(1, all)) {
		t.Error("not all")
	}
}
