package rest

import (
	"github.com/gofiber/fiber/v2"
)
