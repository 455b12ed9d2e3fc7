package app_test

import (
	"go.uber.org/fx"
	"go.uber.org/goleak"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)
