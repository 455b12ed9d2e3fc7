package databasetest

import (
	"gorm.io/gorm"
	"healthcare/platform/database"
)
