package reference // the bare libraries that the service is measured against

import (
	_ "github.com/gofiber/fiber/v2"
	_ "gorm.io/gorm"
)
