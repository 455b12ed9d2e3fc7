package database

import (
	"go.uber.org/fx"
	"gorm.io/gorm"
)
