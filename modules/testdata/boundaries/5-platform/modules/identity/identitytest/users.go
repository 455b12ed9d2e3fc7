package identitytest

import (
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/databasetest"
)
