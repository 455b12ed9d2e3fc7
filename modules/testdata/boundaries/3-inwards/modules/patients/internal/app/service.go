package app

import (
	"github.com/gofiber/fiber/v2"
	"go.uber.org/fx"
	"go.uber.org/zap"
	"gorm.io/gorm"
	"healthcare/modules/patients/internal/adapters/rest"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/patientsfx"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/httpserver"
	"healthcare/platform/logging"
	"healthcare/platform/tx"
)
