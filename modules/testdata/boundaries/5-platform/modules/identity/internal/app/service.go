package app

import (
	"healthcare/modules/identity/identityfx"
	"healthcare/modules/patients/patientstest"
)
