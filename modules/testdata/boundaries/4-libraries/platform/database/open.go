package database

import (
	"github.com/gofiber/fiber/v2"
	"go.uber.org/fx"
	"gorm.io/driver/postgres"
)
