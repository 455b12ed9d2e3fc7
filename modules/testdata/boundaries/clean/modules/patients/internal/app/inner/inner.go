package inner

import (
	"github.com/go-ozzo/ozzo-validation/v4"
	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"
	"healthcare/modules/patients/internal/app/other"
	"healthcare/modules/patients/internal/ports/scope"
)
