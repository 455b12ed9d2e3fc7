package identityfx

import (
	"healthcare/modules/patients/patientsfx"
)
