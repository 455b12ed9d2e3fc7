package configs

import (
	"embed"
	"gorm.io/gorm"
)
