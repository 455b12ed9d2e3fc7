package admission

// Remembered is how many keys the budget keeps.
func Remembered(b *Budget) int { return len(b.full) }

// Turns is how many keys the resource knows the turn of.
func Turns(r *Resource) int { return len(r.turns) }
