package domain

import "fmt"

// between returns an error for people unless low <= value <= high.
func between(value, low, high int) error {
	if value < low || value > high {
		return fmt.Errorf("Must be between %d and %d.", low, high)
	}
	return nil
}
