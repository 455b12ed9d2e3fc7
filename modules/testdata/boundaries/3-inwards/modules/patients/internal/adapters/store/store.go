package store

import (
	"gorm.io/gorm"
	"healthcare/migrations"
	"healthcare/modules/patients/internal/adapters/rest"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/httpserver"
)
