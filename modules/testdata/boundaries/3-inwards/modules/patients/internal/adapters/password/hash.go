package password

import (
	"golang.org/x/crypto/argon2"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/config"
	"healthcare/platform/database"
)
