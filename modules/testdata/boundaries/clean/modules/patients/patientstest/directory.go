package patientstest

import (
	"healthcare/modules/doctors/doctorstest"
	"healthcare/modules/patients"
	"healthcare/platform/databasetest"
)
