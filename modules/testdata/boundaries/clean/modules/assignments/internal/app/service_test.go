package app_test

import (
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientstest"
)
