package database

import (
	"gorm.io/gorm"
	"healthcare/migrations"
	"healthcare/platform/errs"
)
