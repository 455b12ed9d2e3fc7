package httpserver

import (
	"github.com/gofiber/fiber/v2"
)
