package rest

import (
	"github.com/gofiber/fiber/v2"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/keyring"
	"healthcare/platform/rest"
	"healthcare/platform/tx"
)
