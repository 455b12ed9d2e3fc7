package jobs

import (
	"healthcare/platform/database"
	"healthcare/platform/rest"
)
