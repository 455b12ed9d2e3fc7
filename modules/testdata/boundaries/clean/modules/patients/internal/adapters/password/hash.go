package password

import (
	"golang.org/x/crypto/argon2"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/errs"
)
