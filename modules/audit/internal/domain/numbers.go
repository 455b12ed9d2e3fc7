package domain

import (
	"iter"
	"slices"
	"sort"
)

// Numbers is a set of numbers, stored as ranges: consecutive numbers take constant memory. The zero Numbers is empty.
type Numbers struct {
	ranges []numberRange // ascending, neither overlapping nor adjacent
}

type numberRange struct{ first, last uint64 }

// Add adds a number, and reports whether it was not in the set before.
func (n *Numbers) Add(number uint64) (added bool) {
	i := n.find(number)
	if i < len(n.ranges) && n.ranges[i].first <= number {
		return false
	}
	joinsBefore := i > 0 && n.ranges[i-1].last+1 == number
	joinsAfter := i < len(n.ranges) && n.ranges[i].first == number+1
	switch {
	case joinsBefore && joinsAfter:
		n.ranges[i-1].last = n.ranges[i].last
		n.ranges = slices.Delete(n.ranges, i, i+1)
	case joinsBefore:
		n.ranges[i-1].last = number
	case joinsAfter:
		n.ranges[i].first = number
	default:
		n.ranges = slices.Insert(n.ranges, i, numberRange{number, number})
	}
	return true
}

// Remove removes a number.
func (n *Numbers) Remove(number uint64) {
	i := n.find(number)
	if i == len(n.ranges) || n.ranges[i].first > number {
		return
	}
	found := n.ranges[i]
	var rest []numberRange
	if found.first < number {
		rest = append(rest, numberRange{found.first, number - 1})
	}
	if number < found.last {
		rest = append(rest, numberRange{number + 1, found.last})
	}
	n.ranges = slices.Replace(n.ranges, i, i+1, rest...)
}

// Contains reports whether a number is in the set.
func (n Numbers) Contains(number uint64) bool {
	i := n.find(number)
	return i < len(n.ranges) && n.ranges[i].first <= number
}

// All yields the numbers in ascending order.
func (n Numbers) All() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for _, r := range n.ranges {
			for number := r.first; ; number++ {
				if !yield(number) {
					return
				}
				if number == r.last {
					break
				}
			}
		}
	}
}

// Clone returns a copy with at most limit ranges, the first ones.
func (n Numbers) Clone(limit int) Numbers {
	return Numbers{slices.Clone(n.ranges[:min(limit, len(n.ranges))])}
}

// find returns the index of the first range that ends at or after a number.
func (n Numbers) find(number uint64) int {
	return sort.Search(len(n.ranges), func(i int) bool { return n.ranges[i].last >= number })
}
