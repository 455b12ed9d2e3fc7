package patients

import (
	"context"
	"github.com/go-ozzo/ozzo-validation/v4"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"go.uber.org/fx"
	"gorm.io/gorm"
	"healthcare/modules/doctors"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/errs"
	"healthcare/platform/tx"
)
