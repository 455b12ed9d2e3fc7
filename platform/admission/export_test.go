package admission

// Remembered is how many keys the budget keeps.
func Remembered(b *Budget) int { return len(b.full) }
