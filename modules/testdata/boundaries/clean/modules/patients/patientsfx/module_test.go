package patientsfx_test

import (
	"healthcare/modules/patients/patientsfx"
)
