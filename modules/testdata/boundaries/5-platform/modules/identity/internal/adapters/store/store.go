package store

import (
	"healthcare/platform/databasetest"
)
