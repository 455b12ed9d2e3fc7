package recordid

// Set is a set of ids, such as those of the records that a page names. The zero Set is nil: make one.
type Set[ID comparable] map[ID]struct{}

// Add adds an id.
func (s Set[ID]) Add(id ID) { s[id] = struct{}{} }

// Has reports whether the set has an id.
func (s Set[ID]) Has(id ID) bool {
	_, has := s[id]
	return has
}

// All returns the ids in any order.
func (s Set[ID]) All() []ID {
	ids := make([]ID, 0, len(s))
	for id := range s {
		ids = append(ids, id)
	}
	return ids
}
