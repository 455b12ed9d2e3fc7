package rest

import (
	"embed"
	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"
	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/app"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/rest"
)
