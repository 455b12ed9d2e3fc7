package admission

// Keys returns the number of keys that the budget stores.
func Keys(b *Budget) int { return len(b.full) }

// Turns returns the number of keys for which the resource stores the last turn.
func Turns(r *Resource) int { return len(r.turns) }
