package domain

import (
	"github.com/go-ozzo/ozzo-validation/v4/is"
	"golang.org/x/text/unicode/norm"
	"gorm.io/gorm"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"strings"
)
