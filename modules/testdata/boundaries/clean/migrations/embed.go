package migrations

import (
	"embed"
)
