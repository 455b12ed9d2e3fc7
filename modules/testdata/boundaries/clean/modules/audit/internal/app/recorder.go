package app

import (
	"healthcare/modules/patients"
	"healthcare/platform/audit"
)
