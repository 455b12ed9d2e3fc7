package domain

import (
	"time"

	"github.com/google/uuid"
)

// Filter selects entries. The zero Filter selects all.
type Filter struct {
	Actor         *uuid.UUID
	Patient       *uuid.UUID
	Action        string
	CreatedAfter  time.Time // exclusive
	CreatedBefore time.Time // exclusive
}
