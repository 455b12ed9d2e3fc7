package calendar

import (
	"math"

	"github.com/google/uuid"
)

// sweep finds busy times for ascending times. Going back is correct, but slow.
type sweep struct {
	busy     []Busy // sorted by From
	next     int    // the busy times before it end before last
	from, to int64  // Unix times of the next one, rounded to the whole seconds that it touches
	last     int64
}

func newSweep(busy []Busy) sweep {
	s := sweep{busy: busy, last: math.MinInt64}
	s.load()
	return s
}

// overlaps reports whether a busy time overlaps [from, to). If so, the first that does is next.
func (s *sweep) overlaps(from, to int64) bool {
	if from < s.last {
		s.next = 0
		s.load()
	}
	s.last = from
	for s.to <= from {
		s.next++
		s.load()
	}
	return s.from < to
}

// load reads the bounds of the next busy time.
func (s *sweep) load() {
	s.from, s.to = forever, forever
	if s.next < len(s.busy) {
		s.from, s.to = s.busy[s.next].From.Unix(), ceilUnix(s.busy[s.next].To)
	}
}

// only returns the session and the number of busy times that overlap [from, to), for which overlaps has returned true.
// The number is 0 if they are of several sessions.
func (s *sweep) only(from, to int64) (session uuid.UUID, n int) {
	session = s.busy[s.next].Session
	for _, b := range s.busy[s.next:] {
		switch {
		case b.From.Unix() >= to:
			return session, n
		case ceilUnix(b.To) <= from:
		case b.Session != session:
			return session, 0
		default:
			n++
		}
	}
	return session, n
}
