package domain

import (
	"time"

	"github.com/google/uuid"
)

// Filter narrows a list of entries. The zero Filter passes all.
type Filter struct {
	Actor         *uuid.UUID
	Patient       *uuid.UUID
	Action        string
	CreatedAfter  time.Time // only what is newer
	CreatedBefore time.Time // only what is older
}
