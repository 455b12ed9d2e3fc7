package doctors

// Deleted is announced.
type Deleted struct{}
