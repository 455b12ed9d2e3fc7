package auth

import (
	"github.com/google/uuid"
	"healthcare/modules/identity"
)
