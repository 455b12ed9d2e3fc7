package patients

// Deleted is announced.
type Deleted struct{}
