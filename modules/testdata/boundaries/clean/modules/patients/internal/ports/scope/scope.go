package scope

import (
	"github.com/go-ozzo/ozzo-validation/v4"
	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/tx"
)
