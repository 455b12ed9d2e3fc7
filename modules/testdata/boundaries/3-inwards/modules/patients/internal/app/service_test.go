package app_test

import (
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)
