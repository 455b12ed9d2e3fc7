package rest

import (
	"time"

	"github.com/google/uuid"
)

// Value returns an optional parameter's value, or the zero value if it is absent.
func Value[T any](given *T) (value T) {
	if given != nil {
		value = *given
	}
	return value
}

// UUID returns an optional parameter of format uuid, or nil if it is absent. The server has validated its format.
func UUID(given *string) *uuid.UUID {
	if given == nil {
		return nil
	}
	id, _ := uuid.Parse(*given)
	return &id
}

// Instant returns an optional parameter of format date-time, or the zero Time if it is absent. The server has validated
// its format.
func Instant(given *string) time.Time {
	at, _ := time.Parse(time.RFC3339, Value(given))
	return at
}
