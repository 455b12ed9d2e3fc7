package rest

import (
	"time"

	"github.com/google/uuid"
)

// Value is an optional parameter's value, zero when it was not given.
func Value[T any](given *T) (value T) {
	if given != nil {
		value = *given
	}
	return value
}

// UUID is an optional parameter of format uuid, which the guard has checked; nil when it was not given.
func UUID(given *string) *uuid.UUID {
	if given == nil {
		return nil
	}
	id, _ := uuid.Parse(*given)
	return &id
}

// Instant is an optional parameter of format date-time, which the guard has checked; zero when it was not given.
func Instant(given *string) time.Time {
	at, _ := time.Parse(time.RFC3339, Value(given))
	return at
}
