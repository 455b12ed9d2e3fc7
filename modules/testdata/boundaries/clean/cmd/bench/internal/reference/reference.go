package reference // the libraries without the house, to measure the service against

import (
	_ "github.com/gofiber/fiber/v2"
	_ "gorm.io/gorm"
)
