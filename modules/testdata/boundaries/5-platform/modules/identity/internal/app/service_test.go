package app_test

import (
	"healthcare/modules/identity/identityfx"
	"healthcare/modules/patients/patientsfx"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/databasetest"
)
