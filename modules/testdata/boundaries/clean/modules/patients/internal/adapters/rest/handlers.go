package rest

import (
	"context"
	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
)
