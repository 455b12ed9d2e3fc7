package admission

// Keys returns how many keys the budget stores.
func Keys(b *Budget) int { return len(b.full) }

// Turns returns for how many keys the resource stores the last turn.
func Turns(r *Resource) int { return len(r.turns) }
