package rest

import (
	"embed"
	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"
	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/rest"
)
