package httpserver

import (
	"github.com/gofiber/fiber/v2/middleware/recover"
	"go.uber.org/fx/fxevent"
	"gorm.io/gorm"
)
