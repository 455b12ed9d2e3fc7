package harness

import (
	"slices"
	"strconv"
	"testing"
)

func TestSampled(t *testing.T) {
	t.Setenv("CORPORA", "")
	all := []int{1, 2, 3, 4, 5, 6, 7}
	together := slices.Sorted(slices.Values(slices.Concat(Sample(0, all), Sample(1, all), Sample(5, all))))
	if !slices.Equal(all, together) {
		t.Error(together)
	}
	thirds := []int{}
	for _, third := range []string{"0", "1", "2"} {
		t.Setenv("CORPORA", third)
		thirds = append(thirds, Sample(4, all)...)
	}
	if slices.Sort(thirds); !slices.Equal(all, thirds) {
		t.Error(thirds)
	}
	fifths := []int{}
	for _, fifth := range []string{"10", "11", "12", "13", "14"} {
		t.Setenv("CORPORA", fifth)
		fifths = append(fifths, SampleFifth(4, all)...)
	}
	if slices.Sort(fifths); !slices.Equal(all, fifths) {
		t.Error(fifths)
	}
	fifteenths := []int{}
	for fifteenth := range 15 {
		t.Setenv("CORPORA", strconv.Itoa(fifteenth))
		fifteenths = append(fifteenths, SampleFifteenth(4, all)...)
	}
	if slices.Sort(fifteenths); !slices.Equal(all, fifteenths) {
		t.Error(fifteenths)
	}
	t.Setenv("CORPORA", "all")
	if !slices.Equal(all, Sample(1, all)) || !slices.Equal(all, SampleFifth(1, all)) ||
		!slices.Equal(all, SampleFifteenth(1, all)) {
		t.Error("not all")
	}
}
