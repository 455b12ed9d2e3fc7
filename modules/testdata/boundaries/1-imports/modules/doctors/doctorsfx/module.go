package doctorsfx

import (
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/patients"
)
