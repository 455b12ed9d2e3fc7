package app_test

import (
	"gorm.io/gorm"
)
