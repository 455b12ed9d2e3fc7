package ignored

import (
	"gorm.io/gorm"
)
